"""`wattnet publish` and what it cannot take: malformed files, and options that the file contradicts."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import typer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wattnet.cli._publish._layout import Given, Layout
from wattnet.cli._publish._source import LONGEST_LINE, FileFormat, Source
from wattnet.cli._publish._tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell

OWN = ("--metric-type", "own_name")
HEAD = b"timestamp,value,zone\n"
LINE = b"2025-03-01T00:00Z,1,ES\n"


def label(text: str) -> tuple[str, ...]:
    return (*OWN, "--label", text)


def json_line(**keys: object) -> str:
    return json.dumps({"timestamp": "2025-03-01T00:00Z", "value": 1, **keys}) + "\n"


@pytest.mark.parametrize(
    ("arguments", "said", "words"),
    [
        (label("zone=US"), {"zone": "ES"}, "'zone' is 'ES' in the file and 'US' in --label"),
        (label("zone=US"), {"labels": {"zone": "ES"}}, "'zone' is 'ES' in the file and 'US' in --label"),
        (label("unit=MW"), {"unit": "kW"}, "'unit' is 'kW' in the file and 'MW' in --label"),
        (label("year=2024"), {"year": 2025}, "'year' is 2025 in the file and '2024' in --label"),
        (label("valid=true"), {"valid": False}, "'valid' is False in the file and 'true' in --label"),
        (label("data_state=a"), {"data_state": "b"}, "'data_state' is 'b' in the file and 'a' in --label"),
        (label("resolution=PT1H"), {"attributes": {"resolution": "PT15M"}}, "'PT15M' in attributes"),
        (OWN, {"name": "other"}, "metric_type is 'other' in the file and 'own_name' in --metric-type"),
        (OWN, {"metric_type": "other"}, "metric_type is 'other' in the file and 'own_name' in --metric-type"),
        (OWN, {"zone": "ES", "labels": {"zone": "PT"}}, "'zone' is 'ES' in a column and 'PT' in 'labels'"),
        ((), {"name": "a", "metric_type": "b"}, "metric_type is 'a' in one column and 'b' in another"),
    ],
)
def test_a_line_of_json_that_contradicts_an_option_is_refused(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], said: dict[str, object], words: str
) -> None:
    """With the line, and what both say."""
    (tmp_path / "x.jsonl").write_text("\n" + json_line(**said))
    ended = shell("publish", "x.jsonl", *arguments, "--dry-run")
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"line 2: {words}" if "attributes" not in words else "line 2: 'resolution'")
    assert words in ended.stderr
    assert "0 metrics" in ended.stdout


def test_an_option_that_a_line_repeats_or_leaves_open_is_fine(shell: Shell, tmp_path: Path) -> None:
    options = ("--label", "zone=ES", "--label", "year=2025", "--label", "valid=false", *OWN)
    lines: list[dict[str, object]] = [
        {"zone": "ES", "labels": {"year": 2025}, "name": "own_name", "metric_type": "own_name", "valid": False},
        {"zone": None, "year": "", "name": None, "labels": {"zone": "ES", "year": "2025"}, "valid": "FALSE"},
        {},
    ]
    (tmp_path / "x.jsonl").write_text("".join(json_line(**line) for line in lines))
    ended = shell("publish", "x.jsonl", *options, "--dry-run")
    assert (ended.exit_code, ended.stderr.count("line")) == (0, 1)
    assert "3 lines: 3 metrics of 1 series" in ended.stdout


def test_a_column_that_contradicts_an_option_refuses_its_lines(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "timestamp,value,zone,metric_type\n"
        "2025-03-01T00:00Z,1,ES,own_name\n"
        "2025-03-01T00:00Z,1,US,own_name\n"
        "2025-03-01T00:00Z,1,,other\n"
        "2025-03-01T01:00Z,1,,\n"
    )
    ended = shell("publish", "x.csv", *label("zone=ES"), "--dry-run")
    assert ended.exit_code == 1
    problems = [line for line in ended.stderr.splitlines() if line.startswith("line ")]
    assert problems == [
        "line 3: 'zone' is 'US' in the file and 'ES' in --label: give it once, or the same in both",
        "line 4: metric_type is 'other' in the file and 'own_name' in --metric-type: give it once, or the same in both",
    ]
    assert "2 metrics of 1 series" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "head", "words"),
    [
        (label("zone=US"), '"zone=ES,unit=MW"', "'zone' is 'ES' in the head 'zone=ES,unit=MW' and 'US' in --label"),
        (OWN, "other{zone=ES}", "'other' in the head 'other{zone=ES}' and 'own_name' in --metric-type"),
        ((*label("zone=US"), "--column-label", "zone"), "ES", "'zone' is 'ES' in the head 'ES' and 'US' in --label"),
        ((*OWN, "--column-label", "zone"), "value", "--column-label says that it has a column a series"),
        ((*OWN, "--value-column", "load"), "zone=ES", "there is no column 'load' among 'timestamp', 'zone=ES'"),
    ],
)
def test_a_head_that_contradicts_an_option_is_a_wrong_use(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], head: str, words: str
) -> None:
    (tmp_path / "x.csv").write_text(f"timestamp,{head}\n2025-03-01T00:00Z,1\n")
    ended = shell("publish", "x.csv", *arguments, "--dry-run")
    assert ended.exit_code == 2
    assert words in ended.stderr


def test_a_head_that_says_the_same_as_an_option_is_fine(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('timestamp,"own_name{zone=ES,unit=MW}",zone=ES\n2025-03-01T00:00Z,1,2\n')
    ended = shell("publish", "x.csv", *label("zone=ES"), "--dry-run")
    assert ended.exit_code == 0
    assert "2 metrics of 2 series" in ended.stdout


def test_json_lines_have_no_heads_for_an_option(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json_line())
    ended = shell("publish", "x.jsonl", *OWN, "--column-label", "zone", "--dry-run")
    assert (ended.exit_code, "leave out --column-label" in ended.stderr) == (2, True)


def test_what_is_nearly_known_is_doubted_once(shell: Shell, tmp_path: Path) -> None:
    """It is said, and sent: any name, label or unit is as good."""
    (tmp_path / "x.csv").write_text(
        "timestamp,value,zonee,unit,metric_type\n"
        "2025-03-01T00:00Z,1,ES,mw,zone_generatoin\n2025-03-01T01:00Z,1,ES,mw,zone_generatoin\n"
    )
    ended = shell("publish", "x.csv", "--dry-run")
    assert ended.exit_code == 0
    assert [line for line in ended.stderr.splitlines() if line.startswith("warning: ")] == [
        f"warning: {what} is not a known one: did you mean {meant!r}? It is kept as written"
        for what, meant in (
            ("metric name 'zone_generatoin'", "zone_generation"),
            ("label of zone_generatoin 'zonee'", "zone"),
            ("unit of zone_generatoin 'mw'", "MW"),
        )
    ]


def test_blanks_around_heads_and_cells_are_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("timestamp,value, zone\n2025-03-01T00:00Z,1,ES\n")
    ended = shell("publish", "x.csv", *OWN, "--dry-run")
    assert (ended.exit_code, "the head ' zone' has blanks around it: strip them" in ended.stderr) == (2, True)
    (tmp_path / "x.csv").write_text("timestamp, value,zone\n2025-03-01T00:00Z, 1,ES\n2025-03-01T00:00Z,1, ES\n")
    ended = shell("publish", "x.csv", *OWN, "--value-column", " value", "--dry-run")
    assert ended.exit_code == 1
    assert "line 3: label 'zone' ' ES' has blanks around it, and would be another than 'ES'" in ended.stderr
    assert "2 lines: 1 metric of 1 series" in ended.stderr


def test_two_values_of_a_point_are_refused_or_both_sent(shell: Shell, tmp_path: Path) -> None:
    """Equal ones are no matter, nor are those of another quality; with the line of the first one."""
    lines = ["ES,1,true", "ES,1.0,true", "ES,2,true", "ES,2,false", "PT,3,true", "ES,,true", "PT,4,true"]
    (tmp_path / "x.csv").write_text(
        "timestamp,zone,value,valid\n" + "".join(f"2025-03-01T00:00Z,{line}\n" for line in lines)
    )
    ended = shell("publish", "x.csv", *OWN, "--dry-run")
    assert ended.exit_code == 1
    refused = [line for line in ended.stderr.splitlines() if line.startswith("line ")]
    assert [line.partition(". Only the last would be left: correct one of them")[0] for line in refused] == [
        "line 4: own_name{zone=ES} at 2025-03-01 00:00:00 UTC is 2.0 here and 1.0 in line 2, known at the same time",
        "line 8: own_name{zone=PT} at 2025-03-01 00:00:00 UTC is 4.0 here and 3.0 in line 6, known at the same time",
    ]
    assert "7 lines: 4 metrics of 2 series" in ended.stderr
    warned = shell("publish", "x.csv", *OWN, "--dry-run", "--conflicts", "warn")
    assert warned.exit_code == 0
    assert "known at the same time. Both are sent, and this one is current" in warned.stderr
    assert "7 lines: 6 metrics of 2 series" in warned.stderr
    assert "; 1 without a value; 2 with another value of their point" in warned.stderr


def test_a_knowledge_time_tells_two_values_of_a_point_apart(shell: Shell, tmp_path: Path) -> None:
    """Unless an option says that all are known at one time."""
    lines = [json_line(value=value, knowledge_time=f"2025-03-02T0{value}:00Z") for value in (1, 2, 1)]
    (tmp_path / "x.jsonl").write_text("".join(lines))
    assert shell("publish", "x.jsonl", *OWN, "--dry-run").exit_code == 0
    for known in ("now", "2025-03-03T00:00Z"):
        ended = shell("publish", "x.jsonl", *OWN, "--dry-run", "--knowledge-time", known)
        assert (ended.exit_code, "line 2: own_name{} at 2025-03-01 00:00:00 UTC is 2.0" in ended.stderr) == (1, True)


def test_empty_values_are_counted_and_are_no_failure(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(HEAD + LINE + b"2025-03-01T01:00Z,,ES\n2025-03-01T02:00Z, ,ES\n")
    ended = shell("publish", "x.csv", *OWN, "--dry-run")
    assert ended.exit_code == 0
    assert "3 lines: 1 metric of 1 series, 2025-03-01 00:00:00 to 2025-03-01 00:00:00 UTC; 2 without a value" in (
        ended.stderr
    )
    (tmp_path / "x.jsonl").write_text(json_line(value=None) + json_line()[:-14] + "}\n")
    ended = shell("publish", "x.jsonl", *OWN, "--dry-run")
    assert ended.exit_code == 1
    assert "line 2: there is no 'value' on it" in ended.stderr
    assert "2 lines: 0 metrics of 0 series; 1 without a value; 1 refused" in ended.stderr


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b"", "csv", "the file is empty"),
        (b"", "jsonl", "the file is empty"),
        (b"", "parquet", "this is no Parquet"),
        (b"\n" + HEAD, "csv", "the head of the file is empty"),
        (b"timestamp,value," + b"x" * 131_073 + b"\n" + LINE, "csv", "no line of CSV: field larger than field limit"),
        (b'timestamp,value,"zone\n' + LINE * 10_000, "csv", "no line of CSV: field larger than field limit"),
        (b"timestamp,va\0lue\n" + LINE, "csv", "characters NUL, as UTF-16"),
        ("timestamp,value\n".encode("utf-16"), "csv", "characters NUL, as UTF-16"),
        (b"x" * LONGEST_LINE, "csv", "16,777,216 characters or more: is this CSV?"),
        (bytes(range(1, 256)) * 100, "csv", "there is no column 'timestamp'"),
        (b"PAR1" + bytes(100) + b"PAR1", "parquet", "this is no Parquet"),
    ],
)
def test_what_is_no_file_of_metrics_exits_2(
    shell: Shell, tmp_path: Path, content: bytes, form: str, words: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    ended = shell("publish", "x", "--format", form, *OWN, "--dry-run")
    assert ended.exit_code == 2
    assert words in ended.stderr


def test_a_head_over_two_lines_counts_the_lines_behind_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b'timestamp,value,"zo\nne"\n' + LINE + b"2025-03-01T01:00Z,x,ES\n")
    assert "line 4: value 'x' is no number" in shell("publish", "x.csv", *OWN, "--dry-run").stderr


def test_a_line_of_json_without_an_end_is_not_kept(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"[" * (2 * LONGEST_LINE + 5) + b"\n" + json_line().encode())
    ended = shell("publish", "x.jsonl", *OWN, "--dry-run")
    assert ended.exit_code == 1
    assert "line 1: it is longer than 16,777,216 bytes" in ended.stderr
    assert "2 lines: 1 metric of 1 series" in ended.stderr


def test_a_file_that_breaks_off_while_it_is_read_exits_2(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Broken(b"{}")))
    ended = shell("publish", "-", "--format", "jsonl", *OWN, "--dry-run")
    assert (ended.exit_code, "cannot be read: Input/output error" in ended.stderr) == (2, True)
    monkeypatch.setattr("sys.stdin", None)
    assert shell("publish", "-", *OWN, "--dry-run").exit_code == 2


def parquet_file() -> bytes:
    """A small one whose every byte may be damaged."""
    import pyarrow as pa
    from pyarrow import parquet

    times = pa.array([1_740_787_200_000_000, 1_740_790_800_000_000], pa.timestamp("us", "UTC"))
    stream = io.BytesIO()
    parquet.write_table(pa.table({"timestamp": times, "value": [1.0, 2.0], "zone": ["ES", "PT"]}), stream)
    return stream.getvalue()


PARQUET = parquet_file()
FORMS = {FileFormat.CSV: HEAD + LINE * 2, FileFormat.JSONL: json_line().encode() * 2, FileFormat.PARQUET: PARQUET}
WHOLE = Given("own_name", {"unit": "MW"}, None, "timestamp", None, None, None)
LONG_TIME = b'{"timestamp": "0001-01-01T00:00+14:00", "value": 1}\n'


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([*FileFormat]),
    st.binary(max_size=200),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 20), st.binary(max_size=6)), max_size=4),
    st.booleans(),
)
@example(FileFormat.JSONL, LONG_TIME, [], False)
@example(FileFormat.JSONL, b'{"timestamp": "9999-12-31T23:59-14:00", "value": 1e999}\n', [], False)
@example(FileFormat.JSONL, b'{"timestamp": [], "value": {}, "labels": 1, "knowledge_time": {}}\n', [], False)
@example(FileFormat.CSV, HEAD + b"\0\xff,\x80,\0\n", [], False)
def test_no_bytes_are_an_internal_error(
    form: FileFormat, content: bytes, changes: list[tuple[int, int, bytes]], mutate: bool
) -> None:
    """Whatever a file holds becomes metrics, refused lines, or a wrong use in words; never another exception."""
    if mutate:
        content = FORMS[form]
        for place, length, put in changes:
            place %= len(content) + 1
            content = content[:place] + put + content[place + length :]
    source, tally = Source(io.BytesIO(content), form), Tally(refuse_conflicts=True)
    with suppress(typer.BadParameter):
        lines = source.lines()
        first = next(lines, None)
        layout = Layout(source.columns, WHOLE)
        found = list(tally.metrics_of([first, *lines] if first else [], layout))
        assert len(found) + tally.refused + tally.empty == tally.lines, "each line is one of them"
        assert str(tally)
        assert len(list(tally.lines_of_problems())) >= bool(tally.refused)
