"""Messages that are wrong in every way never stop the consumer: each is a row, or a dead letter with a reason."""

from __future__ import annotations

import os
import random
import time
from itertools import islice
from typing import TYPE_CHECKING

from confluent_kafka import Message
from mutants import HEADER, HUGE, fuzzed
from peak_memory import MIB, PeakMemory
from road import until

from wattnet.clickhouse import connect
from wattnet.consumer._avro_walk import walk
from wattnet.consumer._claim import Claim
from wattnet.consumer._doctor_tables import VIEWS
from wattnet.consumer._errors import PoisonError
from wattnet.consumer._frame import Refused, frame_bodies, frame_refused, origin
from wattnet.consumer._ingest import ClickHouseIngest
from wattnet.consumer._lengths import Lengths
from wattnet.consumer._range import Range
from wattnet.consumer._strict import StrictReader
from wattnet.consumer._writer_schemas import WriterSchema, WriterSchemas
from wattnet.schemas import METRIC_SCHEMA_JSON
from wattnet.schemas.avro import encode_long

if TYPE_CHECKING:
    from road import Road
    from scale import Scale

ROUND = 100_000
# A range of 100,000 takes 250 MiB in an insert (measured), and two are inserted at once.
LARGEST_RANGE_BYTES = 1024 * MIB
# What one mutant may cost the consumer; memory is looked at after a stretch of them.
LONGEST_CPU_S = 0.5
LARGEST_BYTES = 64 * MIB
STRETCH = 500


def test_fuzzed_messages_are_rows_or_dead_letters(road: Road, scale: Scale) -> None:
    messages = scale(20_000, 1_000_000)
    seed = random.randrange(2**32)
    scale.tell(f"{messages:,} fuzzed messages, seed {seed}")
    # A flipped bit can make one revision another's double, and merges would collapse the two.
    road.client.command("SYSTEM STOP MERGES metrics")
    healthy = send(road, seed, messages)
    began_s = time.monotonic()
    clickhouse = PeakMemory(road.stack.clickhouse.pid)
    before_bytes = clickhouse.restart()
    with road.consumer(WATTNET_BREAKER_SHARE="1", WATTNET_LOG_LEVEL="info") as consumer:
        while (stored := int(road.one("SELECT sum(messages) FROM ledger"))) < messages:
            assert consumer.process.poll() is None, consumer.logged()
            assert time.monotonic() - began_s < 60 + messages / 200, f"{stored:,} of {messages:,} after so long"
            scale.tell(f"{stored:,} stored")
            time.sleep(0.2 if messages < ROUND else 5)
        until(lambda: road.released() == messages, "all of it is released")
        assert consumer.metric("wattnet_consumer_insert_retries_total") == 0
    took_s = time.monotonic() - began_s
    grown_bytes = clickhouse.peak_bytes() - before_bytes
    scale.tell(f"ClickHouse took {grown_bytes / MIB:,.0f} MiB more at its peak")
    assert grown_bytes < LARGEST_RANGE_BYTES, "what many sound messages need, and not what one mutant announces"
    refused = int(road.one("SELECT count() FROM dead_letters"))
    scale.tell(f"{messages:,} in {took_s:.1f} s: {refused:,} dead letters, {messages / took_s:,.0f} messages/s")
    for reason, count in road.sql("SELECT reason, count() FROM dead_letters GROUP BY reason ORDER BY count() DESC"):
        scale.tell(f"{count:10,} {reason}")
    doubles = road.one("SELECT count() - uniqExact(name, zone, series_id, timestamp, rank) FROM metrics")
    scale.tell(f"{doubles:10,} rows are a revision that another row is, too")
    assert messages / 10 < refused < messages, "most were broken"
    road.assert_exact(messages, refused)
    assert road.one("SELECT count() FROM dead_letters WHERE reason IN ('', 'refused by ClickHouse')") == 0, (
        "what ClickHouse refuses is known beforehand: no range is halved"
    )
    letters = set(road.sql("SELECT `partition`, `offset` FROM dead_letters"))
    assert not healthy & letters, "what was left as it was is a row"


def test_the_strict_reader_refuses_what_clickhouse_refuses(road: Road, scale: Scale) -> None:
    """Each record alone: so what becomes of one depends on its own bytes, not on its neighbours."""
    records, seed = scale(200, 20_000), random.randrange(2**32)
    scale.tell(f"{records:,} records, seed {seed}")
    bodies = (one.value for one in fuzzed(seed, 10 * records) if not one.healthy)
    # Asked for each of them, ClickHouse would make room for gigabytes, for seconds.
    values = list(
        islice((value for value in bodies if value and value.startswith(HEADER) and not is_huge(value)), records)
    )
    schema = WriterSchemas().find(HEADER)
    assert isinstance(schema, WriterSchema)
    reader, ingest = StrictReader(schema.schema_json), ClickHouseIngest(connect(road.clickhouse))
    # What the views make of a record the other test sees; here it is compared who can read it.
    for view in VIEWS:
        road.client.command(f"DROP VIEW {view}")
    refused = 0
    for number, value in enumerate(values):
        message = Message(topic="t", partition=0, offset=number, value=value, timestamp=(1, 0))
        range_ = Range("t", 0, Claim("id", number, number + 1, 1, 0), [message], 0)
        blocks, _ = frame_bodies([message], schema.prefix, origin(range_))
        try:
            ingest.insert(schema.header + b"".join(blocks), f"{seed}:{number}")
            answer = ""
        except PoisonError as exc:
            answer = str(exc)
        problem = reader.problem(value, len(HEADER))
        assert bool(problem) == bool(answer), f"{value.hex()}: {problem!r}, ClickHouse: {answer!r}"
        refused += bool(answer)
    scale.tell(f"{refused:,} of {records:,} refused by both")
    assert records / 4 < refused < records


def test_no_mutant_costs_the_consumer_more_than_its_length(scale: Scale) -> None:
    """Followed, judged, framed and shown, each by itself."""
    mutants, seed = scale(10_000, 100_000), random.randrange(2**32)
    scale.tell(f"{mutants:,} mutants, seed {seed}")
    lengths, reader, start = Lengths(METRIC_SCHEMA_JSON), StrictReader(METRIC_SCHEMA_JSON), len(HEADER)
    process, longest_s, largest_bytes = PeakMemory(os.getpid()), 0.0, 0
    values = (one.value for one in fuzzed(seed, 10 * mutants) if not one.healthy and one.value)
    for first in range(0, mutants, STRETCH):
        stretch = list(islice(values, STRETCH))
        before_bytes, began_s = process.restart(), time.thread_time()
        doubtful = set(lengths.doubtful([value[start:] for value in stretch]))
        assert time.thread_time() - began_s < LONGEST_CPU_S, f"one of mutants {first} to {first + STRETCH}, seed {seed}"
        for number, value in enumerate(stretch):
            message = Message(topic="t", partition=0, offset=number, value=value, timestamp=(1, 0))
            began_s = time.thread_time()
            problem = reader.problem(value, start)
            fault = walk(value, start, METRIC_SCHEMA_JSON)[1]
            frame_refused([Refused(message, "cannot be decoded", problem)], b"")
            took_s = time.thread_time() - began_s
            longest_s = max(longest_s, took_s)
            assert took_s < LONGEST_CPU_S, value.hex()
            assert number in doubtful or not (problem or fault), f"{value.hex()}: {problem or fault}"
        grown_bytes = process.peak_bytes() - before_bytes
        largest_bytes = max(largest_bytes, grown_bytes)
        assert grown_bytes < LARGEST_BYTES, f"one of mutants {first} to {first + STRETCH} of seed {seed}"
    scale.tell(f"at most {longest_s * 1000:.1f} ms of CPU each, and {largest_bytes / MIB:.1f} MiB for {STRETCH}")


def is_huge(value: bytes) -> bool:
    """Whether one of the lengths that cost ClickHouse most was put into it."""
    return any(encode_long(length) in value for length in HUGE)


def send(road: Road, seed: int, messages: int) -> set[tuple[int, int]]:
    """Publish them, in turn to every partition; returns where the healthy ones stand."""
    healthy = set()
    producer = road.raw_producer()
    for number, one in enumerate(fuzzed(seed, messages)):
        offset, partition = divmod(number, road.partitions)
        if one.healthy:
            healthy.add((partition, offset))
        while True:
            try:
                producer.produce(road.topic, one.value, one.key, partition=partition, headers=one.headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
    return healthy
