"""Messages that are wrong in every way never stop the consumer: each is a row, or a dead letter with a reason."""

from __future__ import annotations

import random
import time
from itertools import islice
from typing import TYPE_CHECKING

from confluent_kafka import Message
from mutants import HEADER, fuzzed
from road import until

from wattnet.clickhouse import connect
from wattnet.consumer._claim import Claim
from wattnet.consumer._doctor_tables import VIEWS
from wattnet.consumer._errors import PoisonError
from wattnet.consumer._frame import frame_bodies, origin
from wattnet.consumer._ingest import ClickHouseIngest
from wattnet.consumer._range import Range
from wattnet.consumer._strict import StrictReader
from wattnet.consumer._writer_schemas import WriterSchema, WriterSchemas

if TYPE_CHECKING:
    from road import Road
    from scale import Scale

ROUND = 100_000


def test_fuzzed_messages_are_rows_or_dead_letters(road: Road, scale: Scale) -> None:
    messages = scale(20_000, 1_000_000)
    seed = random.randrange(2**32)
    scale.tell(f"{messages:,} fuzzed messages, seed {seed}")
    # A flipped bit can make one revision another's double, and merges would collapse the two.
    road.client.command("SYSTEM STOP MERGES metrics")
    healthy = send(road, seed, messages)
    began_s = time.monotonic()
    with road.consumer(WATTNET_BREAKER_SHARE="1", WATTNET_LOG_LEVEL="info") as consumer:
        while (stored := int(road.one("SELECT sum(messages) FROM ledger"))) < messages:
            assert consumer.process.poll() is None, consumer.logged()
            assert time.monotonic() - began_s < 60 + messages / 200, f"{stored:,} of {messages:,} after so long"
            scale.tell(f"{stored:,} stored")
            time.sleep(0.2 if messages < ROUND else 5)
        until(lambda: road.released() == messages, "all of it is released")
    took_s = time.monotonic() - began_s
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
    values = list(islice((value for value in bodies if value and value.startswith(HEADER)), records))
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
