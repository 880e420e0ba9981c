"""`wattnet publish`: what a file's lines become, and what is said about those that become nothing."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from direct_writer import DirectWriter

from wattnet.cli._publish._times import read_time, zone_of
from wattnet.consumer import require_access
from wattnet.schemas import Metric, MetricType, decode_metric

if TYPE_CHECKING:
    from pathlib import Path

    from command import Command
    from road import Road
    from shell import Shell

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
LOAD = ("--metric-type", "zone_load")
MIXED = """\
timestamp,zone,value,unit,datasource,data_state,resolution
2025-03-01 00:00,ES,0.30000000000000004,MW,test,final,PT1H
2025-03-01 01:00,ES,"1,5",MW,test,final,PT1H
2025-03-30 02:30,ES,3,MW,test,final,PT1H
2025-10-26 02:30,ES,3,MW,test,final,PT1H
2025-03-01T04:00Z,,4,MW,test,final,PT1H
2025-03-01T05:00Z,ES,,MW,test,final,PT1H
2025-03-01T06:00Z,ES,5
noon,ES,5,MW,test,final,PT1H
2025-03-01T06:00+02:00,ES,nan,MW,test,final,PT1H
2025-03-01T07:00Z,P\udcffT,1,MW,test,final,PT1H

2025-03-01T08:00Z,PT,7e-3,MW,test,final,PT1H
"""


@pytest.fixture
def sender(shell: Shell, road: Road) -> Shell:
    """A shell that knows the road."""
    shell.env |= {**road.stack.env, "KAFKA_TOPIC": road.topic, "CLICKHOUSE_DATABASE": road.name}
    return shell


def arrived(road: Road) -> list[Metric]:
    """What stands in the topic now, by series and time."""
    reader = Consumer({"bootstrap.servers": road.stack.bootstrap_servers, "group.id": "none"})
    found = []
    try:
        for partition in range(road.partitions):
            low, high = reader.get_watermark_offsets(TopicPartition(road.topic, partition), timeout=10)
            reader.assign([TopicPartition(road.topic, partition, low)])
            for _ in range(low, high):
                message = reader.poll(10)
                assert message is not None
                value = message.value()
                assert value is not None
                found.append(decode_metric(value[10:]))
    finally:
        reader.close()
    return sorted(found, key=lambda metric: (metric.series_key, metric.timestamp))


def point(zone: str, timestamp: datetime, value: float, **attributes: str) -> tuple[object, ...]:
    return zone, timestamp, value, attributes


def points(metrics: list[Metric]) -> list[tuple[object, ...]]:
    return [(one.labels["zone"], one.timestamp, one.value, dict(one.attributes)) for one in metrics]


def test_good_lines_are_sent_and_bad_ones_are_listed(sender: Shell, road: Road, tmp_path: Path) -> None:
    """Each with its number, the value, the rule and the remedy; then with none of the bad ones, --atomic sends all."""
    path = tmp_path / "load.csv"
    path.write_text(MIXED, encoding="utf-8", errors="surrogateescape")
    refused = [
        "line 3: value '1,5' is no number: write digits with a decimal point",
        "line 4: timestamp '2025-03-30 02:30:00' is left out that day on the clock of Europe/Madrid",
        "line 5: timestamp '2025-10-26 02:30:00' comes twice that day on the clock of Europe/Madrid",
        "line 6: zone_load needs a zone",
        "line 8: 3 cells stand under a head of 7 columns",
        "line 9: timestamp 'noon' is no time: write ISO 8601",
        "line 10: value nan is not finite",
        "line 11: label 'zone' 'P\\udcffT' holds a lone surrogate",
    ]
    counts = "11 lines: 2 metrics of 2 series"
    said = f"{counts}, 2025-02-28 23:00:00 to 2025-03-01 08:00:00 UTC; 1 without a value; 8 refused"
    arguments = ("publish", str(path), *LOAD, "--tz", "Europe/Madrid")

    atomic = sender(*arguments, "--atomic")
    assert (atomic.exit_code, atomic.stdout) == (1, "")
    assert atomic.stderr.splitlines()[-2:] == [said, "nothing was sent: --atomic sends all or none"]
    assert arrived(road) == []

    ended = sender(*arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    lines = ended.stderr.splitlines()
    assert len(lines) == len(refused) + 1
    for line, words in zip(lines, refused, strict=False):
        assert line.startswith(words)
    assert lines[-1] == said
    expected = [
        point("ES", T0 - HOUR, 0.1 + 0.2, resolution="PT1H"),
        point("PT", T0 + 8 * HOUR, 0.007, resolution="PT1H"),
    ]
    assert points(arrived(road)) == expected

    good = [line for number, line in enumerate(MIXED.splitlines(), 1) if number in (1, 2, 13)]
    path.write_text("\ufeff" + "\r\n".join(good))
    again = sender(*arguments, "--atomic", "--knowledge-time", "2025-03-02T00:00Z")  # as a seed of history
    assert (again.exit_code, again.stdout) == (0, "")
    assert "2 metrics of 2 series" in again.stderr
    sent = arrived(road)
    assert points(sent) == sorted(expected * 2, key=str)
    assert sum(one.knowledge_time == T0 + 24 * HOUR for one in sent) == 2


def test_a_dry_run_shows_what_it_understood_and_sends_nothing(sender: Shell, road: Road, tmp_path: Path) -> None:
    """A column a series, too; Kafka is not even asked for. No other test has its series, which are warned of once."""
    path = tmp_path / "wide.csv"
    path.write_text(
        "timestamp;zone_load{zone=EZ,unit=MW};zone_import{from=FR,zone=E\\,S}\n2025-03-01T00:00Z;1;2\n2025-03-01T01:00Z;;x\n"
    )
    ended = sender("publish", str(path), "--dry-run", KAFKA_BOOTSTRAP_SERVERS="localhost:1")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == [
        "csv, separated by ';': a column a series",
        "  timestamp                       timestamp",
        "  zone_load{zone=EZ,unit=MW}      the series zone_load{zone=EZ, unit=MW}",
        "  zone_import{from=FR,zone=E\\,S}  the series zone_import{from=FR, zone=E,S}",
        "2 lines: 2 metrics of 2 series, 2025-03-01 00:00:00 to 2025-03-01 00:00:00 UTC; 1 without a value; 1 refused",
        "  Metric('zone_load', 1.0, 2025-03-01T00:00:00+00:00, unit='MW', zone='EZ')",
        "  Metric('zone_import', 2.0, 2025-03-01T00:00:00+00:00, from='FR', zone='E,S')",
    ]
    *warned, problem, _, last = ended.stderr.splitlines()
    assert problem.startswith("line 3, column 'zone_import{from=FR,zone=E\\\\,S}': value 'x' is no number")
    assert [line.split("'")[0] for line in warned] == ["warning: zone_load lacks ", "warning: zone_import lacks "]
    assert last == "nothing was sent"
    assert arrived(road) == []


def test_heads_may_be_values_of_one_label(sender: Shell, road: Road, tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("time,ES,PT\n2025-03-01T00:00Z,1,2\n2025-03-01T01:00Z,3,\n")
    labels = ("--label", "unit=MW", "--label", "datasource=a\\=b", "--label", "data_state=final")
    ended = sender("publish", str(path), *LOAD, "--timestamp-column", "time", "--column-label", "zone", *labels)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr.startswith("2 lines: 3 metrics of 2 series")
    sent = arrived(road)
    assert points(sent) == [point("ES", T0, 1.0), point("ES", T0 + HOUR, 3.0), point("PT", T0, 2.0)]
    assert {one.labels["datasource"] for one in sent} == {"a=b"}


def test_json_lines_from_standard_input(
    wattnet: Command, sender: Shell, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line with columns of its own; labels and attributes may be objects. --atomic reads a pipe twice."""
    lines = [
        {"metric_type": "zone_load", "timestamp": "2025-03-01T00:00Z", "value": 1e22, "zone": "ES", "unit": "MW"},
        {
            "name": "zone_load",
            "timestamp": "2025-03-01T01:00Z",
            "value": -0.0,
            "labels": {"zone": "PT", "year": 2025},
            "attributes": {"run": "7"},
            "valid": False,
            "knowledge_time": "2025-03-01T02:00Z",
        },
    ]
    broken = [
        json.dumps({**lines[0], "value": None}),
        '{"value": 1',
        "[1]",
        json.dumps({**lines[0], "value": "x", "attributes": '{"run": "7"}'}),
        json.dumps({**lines[0], "attributes": "{run: 7}"}),
    ]
    text = "\n".join([*map(json.dumps, lines), *broken])
    process = wattnet.start("publish", "-", "--format", "jsonl", "--atomic", env=sender.env, stdin=subprocess.PIPE)
    out, err = process.communicate(text, timeout=60)
    assert (process.returncode, out) == (1, "")
    assert arrived(road) == []
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert sender("publish", "-", "--format", "jsonl").exit_code == 1
    first, second = arrived(road)
    assert (first.value, dict(first.labels)) == (1e22, {"unit": "MW", "zone": "ES"})
    assert (repr(second.value), dict(second.labels)) == ("-0.0", {"year": "2025", "zone": "PT"})
    assert (second.valid, second.knowledge_time) == (False, T0 + 2 * HOUR)
    assert dict(second.attributes) == {"run": "7"}
    problems = [line for line in err.splitlines() if line.startswith("line ")]
    assert problems[0].startswith("line 4: this is no line of JSON")
    assert problems[1].startswith("line 5: a JSON object is wanted on each line, and this is a list")
    assert problems[2].startswith("line 6: value 'x' is no number")
    assert problems[3].startswith("line 7: attributes '{run: 7}' are no object of JSON")
    assert "; 1 without a value; 4 refused" in err


def test_parquet_with_naive_times(sender: Shell, road: Road, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "load.parquet"
    table = pa.table(
        {
            "timestamp": pa.array([datetime(2025, 3, 1, 1), datetime(2025, 3, 1, 2)], pa.timestamp("ns")),  # noqa: DTZ001
            "value": pa.array([1.5, 2.5]),
            "zone": pa.array(["ES", "ES"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, path)
    refused = sender("publish", str(path), *LOAD)
    assert refused.exit_code == 1
    assert "line 1: timestamp '2025-03-01 01:00:00' has no UTC offset" in refused.stderr
    assert sender("publish", str(path), *LOAD, "--tz", "Europe/Madrid").exit_code == 0
    assert points(arrived(road)) == [point("ES", T0, 1.5), point("ES", T0 + HOUR, 2.5)]
    path.write_bytes(b"no parquet")
    assert "this is no Parquet" in sender("publish", str(path), *LOAD).stderr


def test_what_query_prints_can_be_published(sender: Shell, road: Road, tmp_path: Path) -> None:
    """`wattnet query … | wattnet publish -`: the same metrics, bit for bit, with quality and knowledge_time."""
    metrics = [
        Metric(
            MetricType.ZONE_LOAD,
            value,
            T0 + hour * HOUR,
            {"zone": 'E,S\n"x"', "unit": "MW", "datasource": "a", "data_state": "b", "valid": bool(hour % 2)},
            knowledge_time=T0 + 10 * HOUR + timedelta(microseconds=hour),
        )
        for hour, value in enumerate((0.1 + 0.2, -0.0, 5e-324, 1e22))
    ]
    DirectWriter(road.client).put(*metrics)
    printed = sender("query", "zone_load", "--start", "2025-03-01T00:00Z", "--end", "2025-03-02T00:00Z").stdout
    assert len([*csv.reader(io.StringIO(printed))]) == 5
    (tmp_path / "printed.csv").write_bytes(printed.encode())
    assert sender("publish", "printed.csv", *LOAD).exit_code == 0
    assert arrived(road) == metrics
    assert sender("publish", "printed.csv", *LOAD, "--knowledge-time", "now").exit_code == 0
    corrected = [one for one in arrived(road) if one not in metrics]
    assert [one.value for one in corrected] == [one.value for one in metrics]
    assert all(one.knowledge_time and one.knowledge_time > T0 + 24 * HOUR for one in corrected), (
        "revisions of their own"
    )


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (
            LOAD,
            "time,value\n",
            "there is no column 'timestamp' among 'time', 'value': say with --timestamp-column which it is",
        ),
        (LOAD, "timestamp,ES\n", "'ES' is no series"),
        (LOAD, "timestamp,zone=ES}\n", None),
        (LOAD, "timestamp,value,value\n", "has these columns twice: 'value'"),
        (LOAD, "timestamp,value,zone,valid,zone_status,knowledge_time,count\n", "'count' and 'coverage'"),
        ((), "timestamp,value,zone\n", "give --metric-type"),
        ((*LOAD, "--label", "zone=ES,PT"), "timestamp,value\n", "give one value"),
        ((*LOAD, "--label", "zone"), "timestamp,value\n", "'zone' is no label"),
        ((*LOAD, "--tz", "Mars/Olympus"), "timestamp,value\n", "is no time zone"),
        ((*LOAD, "--knowledge-time", "2025-03-01"), "timestamp,value\n", "has no UTC offset"),
    ],
)
def test_what_cannot_be_understood_exits_2(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], text: str, words: str | None
) -> None:
    (tmp_path / "x.csv").write_text(text)
    ended = shell("publish", "x.csv", *arguments, "--dry-run")
    assert ended.exit_code == (0 if words is None else 2)
    if words is not None:
        assert words in ended.stderr


def test_files_that_are_none(shell: Shell, tmp_path: Path) -> None:
    assert "say with --format" in shell("publish", "x.xlsx").stderr
    missing = shell("publish", "x.csv")
    assert missing.exit_code == 2
    assert "'x.csv': No such file" in missing.stderr
    assert shell("publish", str(tmp_path), "--format", "csv").exit_code == 2


def test_the_list_of_what_is_refused_is_bounded(shell: Shell, tmp_path: Path) -> None:
    long = "x" * 5_000
    (tmp_path / "x.csv").write_text("timestamp,value,zone\n" + f"2025-03-01T00:00Z,\x1b[2J{long},ES\n" * 3_000)
    ended = shell("publish", "x.csv", *LOAD, "--dry-run")
    assert ended.exit_code == 1
    assert len(ended.stderr) < 10_000
    assert ended.stderr.count("line 2: value ") == 1
    assert "(3,000 of this kind: lines 2, 3, 4, …)\n" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_a_rule_that_many_lines_break_comes_once(shell: Shell, tmp_path: Path) -> None:
    """With its first value, how many lines break it, and the first of those."""
    times = ("2025-03-01T00:00Z,1a", "2025-03-01T00:00Z,2b", "yesterday,3", "2025-03-01T00:00Z,4c", "tomorrow,5")
    (tmp_path / "x.csv").write_text("timestamp,value,zone\n" + "".join(f"{time},ES\n" for time in times))
    ended = shell("publish", "x.csv", *LOAD, "--dry-run")
    number, time = [line for line in ended.stderr.splitlines() if line.startswith("line ")]
    assert number.startswith("line 2: value '1a' is no number: ")
    assert number.endswith(" (3 of this kind: lines 2, 3, 5)")
    assert time.startswith("line 4: timestamp 'yesterday' is no time: ")
    assert time.endswith(" (2 of this kind: lines 4, 6)")


def test_services_that_are_away_exit_69_and_a_missing_topic_78(
    sender: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattnet.consumer.require_access", partial(require_access, timeout_s=1.0))
    (tmp_path / "x.csv").write_text("timestamp,value,zone\n2025-03-01T00:00Z,1,ES\n")
    away = sender("publish", "x.csv", *LOAD, KAFKA_BOOTSTRAP_SERVERS="localhost:1")
    assert away.exit_code == 69
    assert "no broker at localhost:1 answers: localhost:1: Connect to " in away.stderr
    assert "Connection refused" in away.stderr
    nowhere = sender("publish", "x.csv", *LOAD, KAFKA_TOPIC="nothing-here")
    assert nowhere.exit_code == 78
    assert "there is no topic 'nothing-here': make it with `wattnet init`" in nowhere.stderr
    assert sender("publish", "x.csv", *LOAD, KAFKA_OPTIONS="{").exit_code == 78


def test_visible_is_waited_for(sender: Shell, road: Road, tmp_path: Path) -> None:
    """Not longer than was said; then what was published is read back."""
    (tmp_path / "x.csv").write_text("timestamp,value,zone\n2025-03-01T00:00Z,0.1,ES\n")
    arguments = ("publish", "x.csv", *LOAD, "--wait", "visible")
    env = {"KAFKA_GROUP_ID": road.group}
    late = sender(*arguments, "--timeout", "1", **env)
    assert late.exit_code == 69
    assert "1 line: 1 metric of 1 series" in late.stderr
    with road.consumer():
        assert sender(*arguments, **env).exit_code == 0
        assert ",0.1,ES," in sender("latest", "zone_load").stdout


@pytest.mark.parametrize(("tz", "zone"), [("Europe/Madrid", "Europe/Madrid"), ("utc", "UTC")])
def test_days_of_a_clock_keep_whose_they_are(tz: str, zone: str) -> None:
    """A total of a local day has the length of that day for all readers."""
    midnight = read_time("2025-10-26 00:00", "timestamp", zone_of(tz))
    metric = Metric("some_load", 1.0, midnight, {"resolution": "P1D"})
    assert metric.attributes == {"resolution": "P1D", "resolution_tz": zone}
