"""What the writer does when an insert is refused, with a fake engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message
from road import load

from wattnet.consumer import UnsafeToContinueError
from wattnet.consumer._claim import Claim
from wattnet.consumer._errors import DoubtfulInsertError, InsertError, PoisonError, TooMuchAtOnceError
from wattnet.consumer._frame import REFUSED_FIELDS, container_header
from wattnet.consumer._health import Health
from wattnet.consumer._ledger import LedgerTail
from wattnet.consumer._lengths import Lengths
from wattnet.consumer._meters import Meters
from wattnet.consumer._range import Range
from wattnet.consumer._range_size import RangeSize
from wattnet.consumer._witness import Witness
from wattnet.consumer._writer import Writer
from wattnet.consumer._writer_schemas import WriterSchemas
from wattnet.schemas import METRIC_FINGERPRINT, MetricEncoder, single_object_header

if TYPE_CHECKING:
    from collections.abc import Mapping

LETTERS = container_header(REFUSED_FIELDS)
HEADER = single_object_header(METRIC_FINGERPRINT)
ENCODER = MetricEncoder(HEADER)


@dataclass
class FakeEngine:
    """Refuses bodies that hold `hated`, by `error`, for `times` times; remembers what it took, by token."""

    hated: bytes
    error: type[InsertError]
    times: int = 1_000_000
    taken: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0
    limited: list[bool] = field(default_factory=list)

    def insert(self, body: bytes, token: str, *, limited: bool = False) -> None:
        self.asked += 1
        self.limited.append(limited)
        if self.times and self.hated in body and not body.startswith(LETTERS):
            self.times -= 1
            raise self.error("no")
        self.taken[token] = body


class NoLedger:
    def newest_before(self, topic_id: str, partition: int, first: int) -> tuple[int, int] | None:
        return None

    def parts(self, topic_id: str, partition: int, first: int) -> tuple[int, int]:
        return 0, 0

    def tail(self, topic_id: str, partition: int, since: int | None) -> LedgerTail:
        return LedgerTail(None, ())

    def refusals(self, topic_id: str, partition: int, first: int, next_: int) -> Mapping[str, int]:
        return {}


def write(engine: FakeEngine, values: list[bytes], *, first: int = 0) -> None:
    messages = [
        Message(topic="t", partition=0, offset=offset, value=value, timestamp=(1, 0))
        for offset, value in enumerate(values, first)
    ]
    meters = Meters("t")
    writer = Writer(
        engine,
        WriterSchemas(),
        NoLedger(),
        Witness(NoLedger(), meters),
        cluster_id="c",
        meters=meters,
        health=Health(),
        size=RangeSize(1, 1_000),
    )
    writer.write(Range("t", 0, Claim("id", first, first + len(values), len(values), 0), messages, 0))


def healthy(count: int) -> list[bytes]:
    return [ENCODER.encode(load(f"zone-{number}-", 0, 1.0), 1)[1] for number in range(count)]


def letters(engine: FakeEngine) -> list[bytes]:
    return [body for body in engine.taken.values() if body.startswith(LETTERS)]


def test_what_only_clickhouse_refuses_is_found_by_halving() -> None:
    """No such record is known. Should there be one, it alone becomes a dead letter."""
    engine = FakeEngine(b"zone-77-", PoisonError)
    values = healthy(100)
    write(engine, values)
    (letter,) = letters(engine)
    assert letter.count(values[77]) == 1
    stored = b"".join(body for body in engine.taken.values() if body != letter)
    assert [value[len(HEADER) :] in stored for value in values] == [number != 77 for number in range(100)]
    assert engine.asked < 20


HUGE = HEADER + b"\xfe\xff\xff\xff\x0f" + b"zone_load"


def test_a_refusal_that_no_record_explains_is_waited_for() -> None:
    """A view that throws looks the same, and other tables have the rows: the same body goes again, whole."""
    engine = FakeEngine(b"zone-7-", DoubtfulInsertError, times=2)
    write(engine, healthy(10))
    assert (engine.asked, len(engine.taken)) == (3, 1)
    assert not letters(engine)


def test_a_lack_of_memory_that_no_record_explains_is_waited_for_without_a_limit() -> None:
    """The first of each two tries has the limit of its size, the second whatever ClickHouse gives."""
    engine = FakeEngine(b"zone-7-", TooMuchAtOnceError, times=3)
    write(engine, healthy(10))
    assert engine.limited == [True, False, True, False]
    assert len(engine.taken) == 1
    assert not letters(engine)


def test_a_length_that_exceeds_its_message_does_not_reach_clickhouse() -> None:
    engine = FakeEngine(HUGE[len(HEADER) :], PoisonError)
    write(engine, [*healthy(10), HUGE, *healthy(3)])
    (letter,) = letters(engine)
    assert b"2,147,483,647 bytes are announced" in letter
    assert (engine.asked, len(engine.taken)) == (2, 2), "the good ones, the dead letter"


@pytest.mark.parametrize("error", [DoubtfulInsertError, TooMuchAtOnceError])
def test_what_slips_through_is_read_strictly_before_any_retry(
    error: type[InsertError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lengths, "doubtful", lambda *_: [])
    engine = FakeEngine(HUGE[len(HEADER) :], error)
    write(engine, [*healthy(10), HUGE])
    (letter,) = letters(engine)
    assert b"2,147,483,647 bytes are announced" in letter
    assert (engine.asked, len(engine.taken)) == (3, 2), "refused, the good ones, the dead letter"


def test_a_clickhouse_that_lost_data_is_sent_nothing() -> None:
    """Its ledger ends before the range, which is whole and healthy."""
    engine = FakeEngine(b"", PoisonError, times=0)
    with pytest.raises(UnsafeToContinueError, match="the ledger ends at nothing"):
        write(engine, healthy(10), first=90)
    assert engine.asked == 0
