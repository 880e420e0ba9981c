"""The writer between a store that refuses and what the rest of the consumer is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import stamina
from confluent_kafka import Message

from wattnet.consumer import ServiceUnavailableError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import RetryableInsertError, TooMuchAtOnceError
from wattnet.consumer._health import Health
from wattnet.consumer._meters import Meters
from wattnet.consumer._range import Range
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._writer import Writer
from wattnet.consumer._writer_schemas import WriterSchemas
from wattnet.schemas import METRIC_FINGERPRINT, single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wattnet.consumer._ledger import LedgerTail


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100):
        yield


@dataclass
class Store:
    """Takes inserts after it refused some."""

    refusals: list[Exception] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    during: list[tuple[str, ...]] = field(default_factory=list)
    health: Health = field(default_factory=Health)

    def insert(self, body: bytes, token: str) -> None:
        self.during.append(self.health.reasons)
        self.tokens.append(token)
        if self.refusals:
            raise self.refusals.pop(0)


@dataclass
class Ledger:
    """Knows what the tables refused, or does not answer."""

    refused: dict[str, int] = field(default_factory=dict)
    away: bool = False

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        raise AssertionError("the writer has no need of it")

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        if self.away:
            raise ServiceUnavailableError("away")
        return self.refused


@dataclass
class Desk:
    """A writer and what is around it."""

    store: Store = field(default_factory=Store)
    ledger: Ledger = field(default_factory=Ledger)
    meters: Meters = field(default_factory=lambda: Meters("t"))
    size: RangeSize = field(default_factory=lambda: RangeSize(10, 1_000))

    def __post_init__(self) -> None:
        self.health = self.store.health
        self.health.joined()
        self.writer = Writer(
            self.store,
            WriterSchemas(),
            self.ledger,
            cluster_id="c",
            meters=self.meters,
            health=self.health,
            size=self.size,
        )

    def value(self, name: str) -> float:
        """A counter."""
        return self.meters.registry.get_sample_value(name) or 0


def range_of(*values: bytes | None) -> Range:
    messages = [
        Message(topic="t", partition=0, offset=offset, value=value, timestamp=(1, 0))
        for offset, value in enumerate(values)
    ]
    return Range("t", 0, Claim("id", 0, len(messages), len(messages), 0), messages, 0)


GOOD = single_object_header(METRIC_FINGERPRINT) + b"whatever: the store is not a real one"


def test_what_may_heal_is_tried_again_under_the_same_token_and_meanwhile_not_ready() -> None:
    desk = Desk(Store([RetryableInsertError("broken pipe"), RetryableInsertError("broken pipe")]))
    written = desk.writer.write(range_of(GOOD))
    assert written.messages == 1
    assert len(desk.store.tokens) == 3
    assert len(set(desk.store.tokens)) == 1
    before, *meanwhile = desk.store.during
    assert before == ()
    assert all("cannot be stored: broken pipe" in reasons[0] for reasons in meanwhile)
    assert desk.health.reasons == ()
    assert desk.value("wattnet_consumer_insert_retries_total") == 2
    assert desk.size.rows == 1_000


def test_too_much_at_once_makes_the_next_ranges_smaller_once_a_range() -> None:
    desk = Desk(Store([TooMuchAtOnceError("memory"), TooMuchAtOnceError("memory")]))
    desk.writer.write(range_of(GOOD))
    assert desk.size.rows == 500
    assert len(set(desk.store.tokens)) == 1, "the range itself is never cut anew"


def test_what_the_tables_refused_is_counted_too() -> None:
    desk = Desk(ledger=Ledger({"no zone": 3}))
    assert desk.writer.write(range_of(GOOD)).refusals == {"no zone": 3}


def test_a_ledger_that_does_not_answer_holds_nothing_up() -> None:
    desk = Desk(ledger=Ledger(away=True))
    assert desk.writer.write(range_of(GOOD, b"", None)).refusals == {"empty message": 2}


def test_an_abandoned_writer_gives_up_and_leaves_no_trouble_behind() -> None:
    desk = Desk(Store([RetryableInsertError("broken pipe")] * 10))
    desk.writer.abandon()
    with pytest.raises(RetryableInsertError):
        desk.writer.write(range_of(GOOD))
    assert len(desk.store.tokens) == 1
    assert desk.health.reasons == ()
