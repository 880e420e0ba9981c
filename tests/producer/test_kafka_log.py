"""librdkafka's lines about brokers that are away: few, with the address and the cause."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from wattnet.producer.kafka_log import KafkaLog, reason
from wattnet.schemas.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = (
    "[thrd:localhost:9092/bootstrap]: localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: "
    "Connection refused (after 0ms in state CONNECT, 1 identical error(s) suppressed)"
)
WORDS = "localhost:9092: Connect to ipv4#127.0.0.1:9092 failed: Connection refused"


class Client:
    """Asks the brokers, which answer or do not."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = False

    def list_topics(self, timeout: float) -> None:
        assert timeout < 1, "whoever sends does not wait for it"
        self.asked += 1
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_to(seconds: float) -> None:
        monkeypatch.setattr("time.monotonic", lambda: seconds)

    set_to(1_000.0)
    return set_to


@pytest.fixture
def log() -> KafkaLog:
    import time

    outage = Outage("Kafka is away", "Kafka is back", logging.getLogger("wattnet.test"), clock=lambda: time.monotonic())
    return KafkaLog(outage, logging.getLogger("wattnet.test.librdkafka"))


def test_lines_and_reports_of_one_outage_are_one_line(log: KafkaLog, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        log.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", REFUSED)
        log.log(logging.ERROR, "%s [%s] %s", "ERROR", "rdkafka#producer-1", "[thrd:app]: 1/1 brokers are down")
        log.error(KafkaError(KafkaError._TRANSPORT, REFUSED.partition(": ")[2]))
        log.error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"Kafka is away: {WORDS}; trying again"
    ]


def test_other_lines_go_through(log: KafkaLog, caplog: pytest.LogCaptureFixture) -> None:
    log.log(logging.WARNING, "%s [%s] %s", "CONFWARN", "rdkafka#producer-1", "[thrd:app]: odd")
    log.error(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert len(caplog.records) == 2
    assert not log.outage.lasts


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (REFUSED, WORDS),
        (
            REFUSED.replace(
                "localhost:9092/bootstrap]: localhost:9092/bootstrap",
                "GroupCoordinator]: GroupCoordinator: localhost:9092",
            ),
            WORDS,
        ),
        (
            "[thrd:sasl_ssl://b-1:9096/12]: sasl_ssl://b-1:9096/12: Failed to resolve 'b': No (after 1ms in state UP)",
            "sasl_ssl://b-1:9096: Failed to resolve 'b': No",
        ),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_a_reason_is_the_address_and_the_cause(line: str, words: str) -> None:
    assert reason(line) == words


def test_it_is_back_when_a_broker_answers_and_none_fails(
    log: KafkaLog, now: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = Client()
    log.look(client)
    assert client.asked == 0, "nothing is asked of brokers that nobody misses"
    log.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", REFUSED)
    client.answers = True
    now(1_011.0)
    log.look(client)
    assert client.asked == 0, "another broker may answer, while this one is still away"
    client.answers = False
    for seconds in (1_013.0, 1_014.0, 1_017.0):
        now(seconds)
        log.look(client)
    assert (client.asked, log.outage.lasts) == (1, True), "asked every five seconds"
    client.answers = True
    now(1_020.0)
    log.look(client)
    assert caplog.records[-1].message == "Kafka is back after 20 s"


def test_a_bare_program_shows_one_line_on_standard_error() -> None:
    """It sends for three seconds to an address where nobody listens; librdkafka fails there many times."""
    program = """
        import logging, time
        from wattnet.producer import Producer, ProducerError
        from wattnet.schemas import Metric
        from datetime import datetime, timezone

        class Counted(logging.Handler):
            lines = 0
            def emit(self, record):
                Counted.lines += 1

        raw = logging.getLogger("wattnet.producer.librdkafka")
        raw.setLevel(logging.DEBUG)
        raw.propagate = False
        raw.addHandler(Counted())
        producer = Producer("127.0.0.1:1")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            producer.send(Metric("my_metric", 1.0, datetime.now(timezone.utc)))
            time.sleep(0.02)
        print(Counted.lines)
        try:
            producer.close(0)
        except ProducerError:
            pass
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 5, "librdkafka did say it again and again"
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Kafka at 127.0.0.1:1 is away: 127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Conn")
    assert len(lines) == 2, lines
    assert "are given up, because" in lines[1]
