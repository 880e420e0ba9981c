"""Bad records among good ones: each one a dead letter with its reason, every good one stored."""

from __future__ import annotations

import math
import struct
import time
from typing import TYPE_CHECKING

from road import load, until
from views import condition_in

from wattnet.schemas import (
    METRIC_FINGERPRINT,
    Metric,
    MetricEncoder,
    confluent_header,
    single_object_header,
)

if TYPE_CHECKING:
    from clickhouse_proxy import ClickHouseProxy
    from road import Road

HEADER = single_object_header(METRIC_FINGERPRINT)


def value_of(metric: Metric) -> bytes:
    """A metric as it stands on the wire, known now."""
    return MetricEncoder(HEADER).encode(metric, time.time_ns() // 1000)[1]


def make_poison() -> dict[str, tuple[bytes | None, str]]:
    """Each kind: its bytes, and the reason that its dead letter must have."""
    good = value_of(load("PP", 0, 4.5))
    number = struct.pack("<d", 4.5)
    assert good.count(number) == 1
    long_string = HEADER + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + good[11:]
    not_utf8 = good.replace(b"PP", b"\xff\xfe")
    return {
        "garbage": (b"hello, world", "unknown framing"),
        "nothing": (b"", "empty message"),
        "tombstone": (None, "empty message"),
        "only a magic byte": (b"\x00", "unknown framing"),
        "half a fingerprint": (HEADER[:6], "unknown framing"),
        "a header and no body": (HEADER, "cannot be decoded"),
        "unknown id": (confluent_header(9999) + good[10:], "unknown schema id"),
        "unknown fingerprint": (single_object_header(b"unknown!") + good[10:], "unknown schema fingerprint"),
        "truncated": (good[:-7], "cannot be decoded"),
        "truncated by one byte": (good[:-1], "cannot be decoded"),
        "trailing junk": (good + b"JUNKJUNK", "bytes behind the record"),
        "one byte too many": (good + b"\x00", "bytes behind the record"),
        "a string of 2^62 bytes": (long_string, "cannot be decoded"),
        "not UTF-8": (not_utf8, "bad labels"),
        "not a number": (good.replace(number, struct.pack("<d", math.nan)), "value not finite"),
        "infinite": (good.replace(number, struct.pack("<d", math.inf)), "value not finite"),
        "huge": (HEADER + b"\xff" * 200_000, "cannot be decoded"),
        "from tomorrow's tomorrow": (
            MetricEncoder(HEADER).encode(load("PP", 0, 1.0), time.time_ns() // 1000 + 48 * 3600 * 10**6)[1],
            "knowledge_time out of range",
        ),
    }


POISON = make_poison()


def test_a_thousand_bad_records_among_a_hundred_thousand_good_ones(road: Road) -> None:
    """100,000 stored, 1,000 dead letters, each with its reason, and its raw bytes where it could not be decoded."""
    kinds = list(POISON.items())
    raw = road.raw_producer()
    with road.producer() as producer:
        for number in range(100_000):
            producer.send(load(f"P{number % 50:02d}", number // 50, float(number)))
            if number % 100 == 0:
                name, (value, _) = kinds[number // 100 % len(kinds)]
                raw.produce(
                    road.topic, value, f"{name}/{number}", partition=number // 100 % road.partitions,
                    headers=[("origin", name.encode())],
                )  # fmt: skip
    raw.flush()
    with road.consumer():
        road.wait_stored(101_000, timeout_s=120)
        until(lambda: road.released() == 101_000, "all of it is released")
    road.assert_exact(101_000, refused=1_000)
    letters = road.sql("SELECT key, reason, hex(raw), headers['origin'], detail FROM dead_letters WHERE key != ''")
    by_table = road.sql("SELECT reason, position(detail, 'zone_load') > 0 FROM dead_letters WHERE key = ''")
    seen = dict.fromkeys(POISON, 0)
    for key, reason, body, header, detail in letters:
        name = key.split("/")[0]
        value, expected = POISON[name]
        assert (reason, bytes.fromhex(body), header) == (expected, value or b"", name)
        assert detail
        seen[name] += 1
    for reason, detail in by_table:
        assert reason in {"bad labels", "bytes behind the record", "value not finite", "knowledge_time out of range"}
        assert detail, "the record as it was decoded"
    assert sum(seen.values()) + len(by_table) == 1_000
    refused_by_feeder = {name for name, (_, reason) in POISON.items() if reason not in dict(by_table)}
    assert {name for name, count in seen.items() if count} == refused_by_feeder


def test_what_decoders_let_pass_and_clickhouse_refuses(road: Road) -> None:
    """A boolean of 7 among good ones: the three are found without asking ClickHouse for each."""
    seven = value_of(load("HH", 0, 1.0)).replace(b"\x01\x10complete", b"\x07\x10complete")
    raw = road.raw_producer()
    for number in range(1_000):
        value = seven if number in {0, 333, 999} else value_of(load("HG", number, 1.0))
        raw.produce(road.topic, value, partition=0)
    raw.flush()
    with road.consumer():
        road.wait_stored(1_000)
    road.assert_exact(1_000, refused=3)
    assert road.sql("SELECT DISTINCT reason, lower(hex(raw)) FROM dead_letters") == [("cannot be decoded", seven.hex())]
    assert "valid: a boolean is 0 or 1, this is 7" in road.one("SELECT any(detail) FROM dead_letters")


def test_a_view_that_throws_as_a_broken_record_does_makes_no_dead_letters(road: Road) -> None:
    """Some tables have the rows then, so the range goes in again as it is, until the view is healed."""
    road.send(100)
    with road.consumer() as consumer:
        with condition_in(road, "metrics", "toInt64(if(value = 7, 'x', '1')) = 1"):
            until(lambda: consumer.logged().count("Cannot parse string") >= 3, "it tried again and again")
            assert not consumer.ready
            assert road.one("SELECT count() FROM metrics WHERE value = 7") == 0
        until(lambda: road.released() == 100, "all of it is released")
    road.assert_exact(100)


def test_dead_letters_that_cannot_be_stored_are_waited_for(road: Road) -> None:
    """The range stalls, its good part is not committed as stored either; nothing is lost once they go in again."""
    raw = road.raw_producer()
    for number in range(500):
        value = b"garbage" if number % 50 == 0 else value_of(load("PW", number, 1.0))
        raw.produce(road.topic, value, partition=0)
    raw.flush()
    with road.consumer() as consumer:
        with condition_in(road, "dead_letters", "throwIf(rand() < 4294967296, 'no room for dead letters') = 0"):
            until(lambda: consumer.logged().count("no room for dead letters") >= 3, "it tried again and again")
            assert consumer.process.poll() is None
            assert road.one("SELECT count() FROM metrics") == 490, "the good ones are in"
            assert road.one("SELECT count() FROM dead_letters") == 0, "the bad ones are not"
            assert road.released() == 0, "nothing is committed as stored"
        until(lambda: road.released() == 500, "all of it is released")
    road.assert_exact(500, refused=10)


def test_killed_between_the_good_records_and_their_dead_letters(road: Road, proxy: ClickHouseProxy) -> None:
    """The next one parts the range the same way, under the same tokens."""
    raw = road.raw_producer()
    for number in range(500):
        value = value_of(load("PK", number, 1.0))
        raw.produce(road.topic, value[:-3] if number % 50 == 0 else value, partition=0)
    raw.flush()
    gate = proxy.hold_next_insert("request", ":refused")
    consumer = road.start_consumer(**proxy.env)
    try:
        assert gate.reached.wait(60), consumer.logged()
    finally:
        consumer.kill()
    gate.drop()
    assert road.sql("SELECT (SELECT count() FROM metrics), (SELECT count() FROM dead_letters)") == [(490, 0)]
    with road.consumer():
        until(lambda: road.released() == 500, "all of it is released")
    road.assert_exact(500, refused=10)
