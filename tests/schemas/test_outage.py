"""Trouble that lasts is a line when it begins, one a minute, and one when it is over."""

from __future__ import annotations

import logging

import pytest

from wattnet.schemas.outage import Outage

logger = logging.getLogger("wattnet.test")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage("Kafka is away", "Kafka is back", logger, clock=clock)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_ten_failures_a_second_for_five_minutes(outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for tick in range(3_000):
        clock.now = tick / 10
        outage.failed("localhost:9092: Connection refused" if tick < 700 else "localhost:9092: timed out")
    clock.now = 300
    outage.works()
    assert warnings(caplog) == [
        "Kafka is away: localhost:9092: Connection refused; trying again",
        "Kafka is away, for 60 s now: localhost:9092: Connection refused",
        "Kafka is away, for 120 s now: localhost:9092: timed out",
        "Kafka is away, for 180 s now: localhost:9092: timed out",
        "Kafka is away, for 240 s now: localhost:9092: timed out",
        "Kafka is back after 300 s",
    ]
    assert len(caplog.records) == 3_001, "the others are there at debug"


def test_it_is_over_when_everything_works(outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    outage.failed("a", subject="partition 1")
    outage.failed("b", subject="partition 2")
    clock.now = 5
    outage.works(subject="partition 1")
    assert outage.lasts
    outage.works(subject="partition 1")
    outage.works(subject="partition 2")
    assert not outage.lasts
    assert warnings(caplog) == ["Kafka is away: a; trying again", "Kafka is back after 5 s"]


def test_an_answer_ends_all_of_it(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    """What failed last may not be asked for again while nobody sends anything."""
    outage.failed("refused")
    outage.failed("claims wait", subject="Kafka")
    outage.works()
    assert not outage.lasts
    assert warnings(caplog) == ["Kafka is away: refused; trying again", "Kafka is back after 0 s"]


def test_what_was_never_away_is_not_back(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.works()
    assert warnings(caplog) == []


def test_a_second_outage_begins_anew(outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for clock.now in (0, 10):
        outage.failed("refused")
        assert outage.quiet_s == 0
        clock.now += 3
        assert outage.quiet_s == 3
        outage.works()
    assert warnings(caplog) == ["Kafka is away: refused; trying again", "Kafka is back after 3 s"] * 2
