"""`wattnet names`, `series`, `latest` and `query`, as people and scripts read them."""

from __future__ import annotations

import csv
import io
import json
import math
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import typer

from wattnet.cli import _completion
from wattnet.cli._labels import escape, parse_labels
from wattnet.schemas import Metric

if TYPE_CHECKING:
    from pathlib import Path

    from command import Command
    from direct_writer import DirectWriter
    from shell import Shell

T0 = datetime(2025, 3, 1, tzinfo=timezone.utc)
DAY = ("--start", "2025-03-01T00:00Z", "--end", "2025-03-02T00:00Z")
NAMES = "odd_metric\nsome_load\ntail_metric\nzone_generation\nzone_load\nzone_score\n"
HOSTILE = "a,b=c\\d \x1b[2J\u202e"
AWKWARD = (0.1 + 0.2, 5e-324, -0.0, 1.7976931348623157e308, 1e22, 123456789.123456789)


@pytest.fixture(scope="module", autouse=True)
def _stored(store: DirectWriter) -> None:
    labels = {"unit": "MW", "datasource": "entsoe", "data_state": "final"}
    metrics = [
        Metric("some_load", value, T0 + hour * timedelta(hours=1), {**labels, "zone": zone})
        for zone in ("ES", "PT")
        for hour, value in enumerate(AWKWARD)
    ]
    revised = {**labels, "zone": "ES"}
    metrics += [
        Metric("zone_score", 1.0, T0, revised),
        Metric("zone_score", 2.0, T0, revised),
        Metric("zone_score", None, T0, revised),
        Metric("zone_score", 7.0, T0, {**revised, "valid": False}),
        Metric("zone_score", 3.0, T0 + timedelta(hours=1), {**revised, "valid": False}),
        Metric("zone_score", 4.0, T0 + timedelta(hours=2), revised),
    ]
    metrics += [
        Metric(name, value, T0 + hour * timedelta(hours=1), {**labels, "zone": "FR", "datasource": "a", **more})
        for name, value, more in (("zone_generation", 10.0, {"production_type": "wind"}), ("zone_load", 8.0, {}))
        for hour in range(2)
    ]
    metrics += [Metric("tail_metric", float(hour), T0 + hour * timedelta(hours=1), {"zone": "ES"}) for hour in range(3)]
    metrics.append(Metric("odd_metric", 1.5, T0, {"zone": HOSTILE, "timestamp_of": "x"}))
    store.put(*metrics)


def test_names_are_one_a_line(reader: Shell) -> None:
    ended = reader("names")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, NAMES, "")


def test_numbers_and_times_read_back_bit_for_bit(reader: Shell) -> None:
    """In CSV and in both kinds of JSON."""
    expected = [(T0 + hour * timedelta(hours=1), value) for hour, value in enumerate(AWKWARD)]
    read: list[list[dict[str, str]]] = [
        list(csv.DictReader(io.StringIO(reader("query", "some_load", "zone=ES", *DAY).stdout))),
        json.loads(reader("query", "some_load", "zone=ES", *DAY, "--format", "json").stdout),
        [json.loads(line) for line in reader("query", "some_load", "zone=ES", *DAY, "-f", "jsonl").stdout.splitlines()],
    ]
    for rows in read:
        found = [(_time(row["timestamp"]), float(row["value"])) for row in rows]
        assert found == expected
        assert math.copysign(1, found[2][1]) == -1
        assert {row["zone"] for row in rows} == {"ES"}


def test_the_columns_are_those_of_a_frame(reader: Shell) -> None:
    head, row, *_ = reader("query", "some_load", "zone=PT", *DAY).stdout.splitlines()
    assert head == "timestamp,value,datasource,unit,zone,valid,zone_status,data_state,knowledge_time"
    assert row.startswith("2025-03-01T00:00:00Z,0.30000000000000004,entsoe,MW,PT,true,complete,final,2")


def test_a_question_is_refined_by_options(reader: Shell) -> None:
    """All revisions (a withdrawn one has no value), the first rows, only what is valid."""
    for options, values in (
        ((), ["3.0", "4.0"]),
        (("--valid-only",), ["4.0"]),
        (("--limit", "1"), ["3.0"]),
        (("--history", "--end", "2025-03-01T01:00Z"), ["1.0", "2.0", "", "7.0"]),
        (("--as-of", "-1d"), []),
        (("--start", "2025-03-01", "--end", "2025-03-02", "--tz", "Asia/Tokyo"), ["3.0", "4.0"]),
        (("--start", "2025-03-01", "--end", "2025-03-02", "--tz", "America/Lima"), []),
        (("--start", "2025-03-01 01:00", "--end", "2025-03-01T02:30", "--tz", "Europe/Madrid"), ["3.0"]),
    ):
        ended = reader("query", "zone_score", *DAY, *options)
        assert ended.exit_code == 0
        assert [row["value"] for row in csv.DictReader(io.StringIO(ended.stdout))] == values, options
    local = reader("query", "zone_score", "--start", "2025-03-01 02:00", "--tz", "Europe/Madrid", "--limit", "1").stdout
    assert local.splitlines()[1].startswith("2025-03-01T02:00:00+01:00,3.0,"), "the answer is in that zone, too"
    for command in (("query", "zone_score"), ("gaps", "zone_score"), ("balance", "ES"), ("tail", "zone_score")):
        refused = reader(*command, "--start", "2025-03-01 02:00")
        assert refused.exit_code == 2
        assert "--tz Europe/Madrid" in refused.stderr
    assert reader("dead-letters", "list", "--since", "2025-03-01 02:00", "--tz", "Europe/Madrid").exit_code == 0
    assert "--tz Europe/Madrid" in reader("dead-letters", "list", "--since", "2025-03-01 02:00").stderr
    lines = reader("query", "zone_score", *DAY, "--history", "-f", "jsonl").stdout.splitlines()
    (withdrawn,) = (row for row in map(json.loads, lines) if row["value"] is None)
    assert withdrawn["zone"] == "ES"


def test_buckets_of_a_zone(reader: Shell) -> None:
    """Times in that zone then, and what was inferred is said."""
    ended = reader("query", "zone_score", *DAY, "--resample", "1d", "--how", "max", "--tz", "Europe/Madrid")
    (row,) = csv.DictReader(io.StringIO(ended.stdout))
    assert (row["timestamp"], row["value"], row["count"]) == ("2025-03-01T00:00:00+01:00", "4.0", "2")
    energy = reader("query", "some_load", "zone=ES", *DAY, "--resample", "1h", "--how", "energy")
    assert energy.exit_code == 0
    assert energy.stderr.startswith("warning: ")
    assert reader("query", "zone_score", *DAY, "--how", "max").exit_code == 2
    assert reader("query", "zone_score", *DAY, "--resample", "7s").exit_code == 2


def test_tail_gives_what_is_there_and_then_what_lands(reader: Shell, store: DirectWriter) -> None:
    """The token of the last change goes on behind it, exactly."""
    start = ("--start", "2025-03-01T00:00Z")
    store.put(
        *(Metric("tail_metric", float(hour), T0 + hour * timedelta(hours=1), {"zone": "ES"}) for hour in range(3))
    )
    first = reader("tail", "tail_metric", *start, "--limit", "2").stdout
    rows = [*csv.DictReader(io.StringIO(first))]
    assert [(row["value"], row["previous"], row["snapshot"]) for row in rows] == [
        ("0.0", "", "true"),
        ("1.0", "", "true"),
    ]
    assert rows[0]["series"] == "tail_metric{zone=ES}"
    store.put(
        Metric("tail_metric", 7.5, T0, {"zone": "ES"}),
        Metric("tail_metric", None, T0 + timedelta(hours=1), {"zone": "ES"}),
    )
    more = reader("tail", "tail_metric", "--resume", rows[1]["token"], "--limit", "3", "--format", "jsonl").stdout
    changes = [json.loads(line) for line in more.splitlines()]
    assert [(one["value"], one["previous"], one["snapshot"]) for one in changes] == [
        (2.0, None, True),
        (7.5, 0.0, False),
        (None, 1.0, False),
    ]
    assert changes[0]["labels"] == {"zone": "ES"}
    table = reader("tail", "tail_metric", *start, "--limit", "2", "--format", "table").stdout.splitlines()
    assert table[1].split() == ["2025-03-01", "00:00:00", "7.5", "tail_metric{zone=ES}"]
    assert reader("tail", "tail_metric", "--resume", "x").exit_code == 2
    assert reader("tail", "tail_metric", "resume=x").exit_code == 2


def test_gaps_and_the_balance_of_a_zone(reader: Shell) -> None:
    """What the client finds, as rows."""
    day = ("--start", "2025-03-01", "--end", "2025-03-02", "--tz", "Europe/Madrid")
    before, gap = csv.DictReader(io.StringIO(reader("gaps", "some_load", "zone=ES", *day, "--step", "1h").stdout))
    assert (gap["zone"], gap["start"], gap["end"]) == ("ES", "2025-03-01T07:00:00+01:00", "2025-03-02T00:00:00+01:00")
    assert (before["missing"], gap["missing"]) == ("1", "17")
    none = reader("gaps", "some_load", "zone=ES", "--start", "2025-03-01T00:00Z", "--end", "2025-03-01T02:00Z")
    assert none.exit_code == 0
    assert none.stderr.startswith("no gaps\n")

    hours = ("--start", "2025-03-01T00:00Z", "--end", "2025-03-01T02:00Z")
    rows = [*csv.DictReader(io.StringIO(reader("balance", "FR", "datasource=a", *hours).stdout))]
    assert [(row["start"], row["generation_mwh"], row["load_mwh"], row["residual_mwh"]) for row in rows] == [
        ("2025-03-01T00:00:00Z", "10.0", "8.0", "2.0"),
        ("2025-03-01T01:00:00Z", "10.0", "8.0", "2.0"),
    ]
    table = reader("balance", "FR", *hours, "--format", "table").stdout.splitlines()
    assert table[0].split()[:3] == ["start", "(UTC)", "generation_mwh"]
    assert reader("balance", "XX", *hours).exit_code == 2
    assert reader("balance", "FR", "step=1", *hours).exit_code == 2


def test_wide_has_a_column_a_series(reader: Shell) -> None:
    lines = reader("query", "some_load", *DAY, "--wide").stdout.splitlines()
    assert lines[:2] == ["timestamp,ES,PT", "2025-03-01T00:00:00Z,0.30000000000000004,0.30000000000000004"]
    limited = reader("query", "some_load", *DAY, "--wide", "--limit", "3").stdout.splitlines()
    assert limited == lines[:4], "rows of the wide table: every series whole"
    table = reader("query", "some_load", *DAY, "--wide", "--format", "table").stdout.splitlines()
    assert table[0].split() == ["timestamp", "(UTC)", "ES", "PT"]


def test_an_empty_answer_still_has_its_columns(reader: Shell) -> None:
    ended = reader("query", "some_load", "zone=ES", "--start", "-1h")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("timestamp,value,")
    assert len(ended.stdout.splitlines()) == 1
    assert ended.stderr == "no values of some_load between -1h and now have these labels\n"
    nowhere = reader("query", "some_load", "zone=XX", *DAY, "--output", "-")
    assert (nowhere.exit_code, len(nowhere.stdout.splitlines())) == (0, 1)
    words, warning = nowhere.stderr.splitlines()
    assert words == "no series of some_load has these labels, and a value"
    assert warning.startswith("warning: no series of some_load has zone='XX': there is 'ES', 'PT' (label_values(")
    assert "`wattnet series some_load` lists them" in warning


def test_a_table_says_once_what_all_rows_share(reader: Shell) -> None:
    lines = reader("latest", "some_load", "--format", "table").stdout.splitlines()
    assert lines[0] == "datasource=entsoe  unit=MW  data_state=final"
    assert lines[1].split("  ")[0] == "timestamp (UTC)"
    assert [line.split()[:4] for line in lines[2:]] == [
        ["2025-03-01", "05:00:00", "123456789", zone] for zone in ("ES", "PT")
    ]


def test_several_values_of_a_label(reader: Shell) -> None:
    rows = [*csv.DictReader(io.StringIO(reader("series", "some_load", "zone=ES,PT,XX").stdout))]
    assert [row["zone"] for row in rows] == ["ES", "PT"]
    assert rows[0]["first_timestamp"] == "2025-03-01T00:00:00Z"
    assert rows[0]["last_timestamp"] == "2025-03-01T05:00:00Z"
    nothing = reader("series", "some_load", "zone=XX")
    assert (nothing.exit_code, nothing.stdout.count("\n")) == (0, 1)
    assert "no series of some_load has zone='XX': there is 'ES', 'PT'" in nothing.stderr


def test_series_without_a_label(reader: Shell) -> None:
    actual = reader("latest", "some_load", "zone=ES", "forecast=")
    assert (actual.exit_code, actual.stderr, actual.stdout.count("\n")) == (0, "", 2)
    nothing = reader("series", "some_load", "unit=")
    assert (nothing.exit_code, nothing.stdout.count("\n")) == (0, 1)
    assert "without the label 'unit', but 2 with unit=…" in nothing.stderr


def test_a_hostile_label_is_exact_in_a_pipe_and_harmless_on_a_terminal(reader: Shell, wattnet: Command) -> None:
    """And it can be asked for as the escape rules say."""
    arguments = ("query", "odd_metric", f"zone={escape(HOSTILE)}", *DAY)
    (row,) = csv.DictReader(io.StringIO(reader(*arguments).stdout))
    assert row["zone"] == HOSTILE
    (found,) = json.loads(reader(*arguments, "--format", "json").stdout)
    assert found["zone"] == HOSTILE
    table = wattnet.on_a_terminal(*arguments, env=reader.env)
    text = wattnet.on_a_terminal(*arguments, "--format", "csv", env={**reader.env, "NO_COLOR": "1"})
    for shown in (table, text):
        assert "\x1b[2J" not in shown
        assert "\u202e" not in shown
        assert "1.5" in shown
    assert "\x1b[1m" in table, "a terminal gets a table, its head bold"
    assert "\x1b" not in wattnet.on_a_terminal("latest", "some_load", env={**reader.env, "NO_COLOR": "1"})


def test_a_file_is_written_whole_or_not_at_all(reader: Shell, tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    ended = reader("query", "some_load", *DAY, "--output", str(path))
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert len(path.read_text().splitlines()) == 2 * len(AWKWARD)
    assert reader("query", "some_loda", *DAY, "--output", str(path)).exit_code == 2
    assert len(path.read_text().splitlines()) == 2 * len(AWKWARD), "as it was"
    assert [one.name for one in tmp_path.iterdir()] == ["load.jsonl"]
    ended = reader("query", "some_load", *DAY, "--output", str(tmp_path / "load.xlsx"))
    assert ended.exit_code == 2
    assert ".parquet" in ended.stderr
    assert "make the folder first" in reader("query", "some_load", *DAY, "-o", str(tmp_path / "no" / "x.csv")).stderr


def test_parquet_goes_to_a_file_and_never_to_a_terminal(reader: Shell, wattnet: Command, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "load.parquet"
    assert reader("query", "some_load", "zone=ES", *DAY, "-o", str(path)).exit_code == 0
    table = parquet.read_table(path)
    assert table["value"].to_pylist() == [*AWKWARD]
    assert table["timestamp"].to_pylist()[0] == T0
    refused = wattnet.on_a_terminal("latest", "some_load", "--format", "parquet", env=reader.env)
    assert "Parquet is no text for a terminal" in refused


def test_a_chart_draws_each_series(reader: Shell) -> None:
    ended = reader("query", "odd_metric", *DAY, "--plot", COLUMNS="80")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "odd_metric" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "too far apart for a chart" in reader("query", "some_load", *DAY, "--plot").stderr
    both = reader("query", "some_load", *DAY[:3], "2025-03-01T03:00Z", "--plot", COLUMNS="80").stdout
    assert "  a zone=ES\n  b zone=PT\n" in both
    assert reader("query", "some_load", *DAY, "--plot", "-f", "csv").exit_code == 2


def test_wrong_questions_exit_2_with_a_suggestion(reader: Shell) -> None:
    for arguments, words in (
        (("query", "some_lod", *DAY), "did you mean 'some_load'"),
        (("query", "some_load", "zne=ES", *DAY), "did you mean 'zone'"),
        (("query", "some_load", "zone", *DAY), "'zone' is no label: write it like zone=ES"),
        (("query", "some_load", "start=x", *DAY), "named like a column or an argument"),
        (("query", "some_load", "valid=maybe", *DAY), "valid='maybe' is unknown"),
        (("query", "some_load", "--start", "1d"), "start='1d' cannot be read as a time"),
        (("query", "some_load"), "Missing option '--start'"),
        (("latest", "some_load", "zone=ES", "zone=PT"), "given twice"),
    ):
        ended = reader(*arguments)
        assert (ended.exit_code, ended.stdout) == (2, ""), arguments
        assert words in ended.stderr
        assert "Traceback" not in ended.stderr


def test_no_clickhouse_exits_69(reader: Shell) -> None:
    ended = reader("names", CLICKHOUSE_PORT="1")
    assert ended.exit_code == 69
    assert ended.stderr.startswith("wattnet: no ClickHouse answers at")
    assert reader("names", CLICKHOUSE_PORT="x").exit_code == 78


@pytest.mark.parametrize(
    ("argument", "labels"),
    [
        ("zone=ES", {"zone": "ES"}),
        ("zone=ES,PT", {"zone": ["ES", "PT"]}),
        (r"source=a\,b", {"source": "a,b"}),
        (r"source=a\\,b", {"source": ["a\\", "b"]}),
        ("source=a=b", {"source": "a=b"}),
        (r"a\=b=c", {"a=b": "c"}),
        ("source=C:\\", {"source": "C:\\"}),
        ("forecast=", {"forecast": None}),
    ],
)
def test_labels_and_their_escapes(argument: str, labels: dict[str, object]) -> None:
    assert parse_labels([argument]) == labels


@pytest.mark.parametrize("argument", ["zone", "=ES", "zone=ES,", "zone=,ES", "", "name=x"])
def test_what_is_no_label(argument: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_labels([argument])


def test_reading_loads_nothing_that_it_does_not_need(reader: Shell, wattnet: Command) -> None:
    """Names need no columns, and columns need no pandas."""
    code = (
        "import sys; from wattnet.cli._app import run; run(['names']); print(*sys.modules, file=sys.stderr); "
        "run(['latest', 'zone_score']); print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=wattnet.environment(reader.env)
    )
    assert ended.stdout.startswith(f"{NAMES}timestamp,")
    assert len(ended.stdout.splitlines()) == len(NAMES.splitlines()) + 2
    names, latest = (set(line.split()) for line in ended.stderr.splitlines())
    heavy = {"pandas", "polars", "confluent_kafka", "structlog", "rich", "plotext", "wattnet.consumer"}
    assert names & {*heavy, "pyarrow"} == set()
    assert latest & heavy == set()


def test_a_reader_that_has_enough_ends_the_answer(reader: Shell, wattnet: Command) -> None:
    """`wattnet … | head`: quietly, 128 + SIGPIPE as a shell says it."""
    process = wattnet.start("names", env=reader.env)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("query", "some"), ["some_load"]),
        (("latest", "zone_"), ["zone_generation", "zone_load", "zone_score"]),
        (("query", "some_load", ""), ["datasource=", "unit=", "zone="]),
        (("query", "some_load", "zo"), ["zone=ES", "zone=PT"]),
        (("query", "some_load", "zone=E"), ["zone=ES"]),
        (("query", "some_load", "zone=ES,P"), ["zone=ES,PT"]),
        (("query", "some_load", "zone=ES", "unit="), ["unit=MW"]),
        (("query", "some_load", "zone", "=", "E"), ["ES"]),
        (("query", "some_load", "zone", "="), ["ES", "PT"]),
        (("query", "some_load", "zone", "=", "XX", "unit", "=", ""), []),
        (("query", "odd_metric", "zone="), []),
        (("query", "nothing", "zone="), []),
        (("query", "some_load", "zone=ES", "--va"), ["--valid-only"]),
    ],
)
def test_completion_comes_from_the_database(reader: Shell, words: tuple[str, ...], found: list[str]) -> None:
    """bash gives zone=E as three words, other shells as one. What cannot be typed is not offered."""
    typed = "\n".join(("wattnet", *words))
    ended = reader(_WATTNET_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words)))
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.split() == found


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_completion_is_silent_where_nobody_answers(reader: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it wait for who takes a question and says nothing."""
    asked = {"_WATTNET_COMPLETE": "complete_bash", "COMP_WORDS": "wattnet query ", "COMP_CWORD": "2"}
    with monkeypatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as mute:
        patch.setattr(_completion, "DEADLINE_S", 0.5)
        began_s = time.monotonic()
        ended = reader(**asked, CLICKHOUSE_PORT=str(mute.getsockname()[1]))
        assert (ended.exit_code, ended.stdout.strip(), ended.stderr) == (0, "", "")
        assert time.monotonic() - began_s < 5
    for env in ({"CLICKHOUSE_PORT": "1"}, {"CLICKHOUSE_PORT": "x"}, {"CLICKHOUSE_DATABASE": "nowhere"}):
        ended = reader(**asked, **env)
        assert (ended.exit_code, ended.stdout.strip(), ended.stderr) == (0, "", "")
