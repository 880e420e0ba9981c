"""A read that is too large, too slow or refused says what to do; one that could work later is repeated."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from tables import make_tables

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.query import (
    AccessError,
    AnswerError,
    ClickHouseUnavailableError,
    Client,
    MemoryLimitError,
    QuestionError,
    RowLimitError,
    SchemaTooOldError,
    TimeLimitError,
)
from wattnet.query._database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from direct_writer import DirectWriter

ROWS = 200_000
EVER = {"start": "1970-01-01", "end": "2064-12-31"}


@pytest.fixture(scope="module")
def large(store: DirectWriter) -> str:
    """A name with 2 series of 100,000 values each."""
    name = f"large_x{uuid.uuid4().hex}"
    store.driver.command(
        "INSERT INTO metrics_ingest (topic, name, value, timestamp, labels, knowledge_time, kafka_time) "
        f"SELECT 'direct', '{name}', number, toDateTime64(number, 6, 'UTC'), map('zone', toString(number % 2)), "
        f"now64(6), now64(3) FROM numbers({ROWS})"
    )
    return name


def test_more_rows_than_the_limit_are_an_error_and_never_a_part(database: ClickHouseSettings, large: str) -> None:
    with Client(database.address, database=database.database, max_rows=ROWS - 1) as client:
        query = client.metrics(large, **EVER)
        for read in (query.to_list, query.to_pandas, query.history().to_arrow):
            with pytest.raises(RowLimitError, match=r"max_rows=199,999 .*iter_rows.*Client\(max_rows=…\)"):
                read()
        assert len(query.limit(ROWS - 1).to_pandas()) == ROWS - 1
        assert sum(1 for _ in query.iter_rows()) == ROWS, "row by row there is no limit"
    with Client(database.address, database=database.database, max_rows=ROWS) as client:
        assert len(client.metrics(large, **EVER).to_pandas()) == ROWS


def test_batches_are_bounded_and_the_whole(client: Client, large: str) -> None:
    query = client.metrics(large, **EVER)
    whole = query.to_arrow()
    batches = list(query.iter_batches(max_bytes=50_000))
    assert max(batch.nbytes for batch in batches) <= 50_000
    assert whole.from_batches(batches) == whole
    assert [batch.num_rows for batch in query.limit(3).iter_batches(max_bytes=1)] == [1, 1, 1]
    assert [batch.schema for batch in client.metrics(large, start="now").iter_batches()] == []
    with pytest.raises(QuestionError, match="max_bytes=0"):
        query.iter_batches(max_bytes=0)


def test_an_answer_may_be_left_early(client: Client, large: str) -> None:
    """And the next question is answered as ever."""
    rows = client.metrics(large, **EVER).iter_rows()
    assert next(rows).value == 0.0
    rows.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(client.latest(large).to_list()) == 2


def test_what_takes_too_long_is_ended_by_clickhouse(database: ClickHouseSettings) -> None:
    asked = Database(database, timeout_s=0.5)
    for ask in (asked.rows, asked.blocks):
        with pytest.raises(TimeLimitError, match=r"timeout_s=0\.5 seconds.*Client\(timeout_s=…\)"):
            ask("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", {})
    asked.close()
    for limit in ({"timeout_s": 0}, {"max_rows": 0}):
        with pytest.raises(QuestionError, match="is no limit"):
            Client(**limit)  # type: ignore[arg-type]  # wrong on purpose


def test_what_takes_too_much_memory_says_so(client: Client) -> None:
    with pytest.raises(MemoryLimitError, match="max_memory_usage of the user 'default'"):
        client._database.rows(
            "SELECT length(groupArray(number)) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000", {}
        )


def test_older_tables_name_the_remedy(database: ClickHouseSettings) -> None:
    """Of a database that has some of ours, and lacks what this client reads."""
    old = database.model_copy(update={"database": f"old_{uuid.uuid4().hex[:8]}"})
    make_tables(old)
    with connect(old) as driver, Client(old.address, database=old.database) as client:
        driver.command("DROP TABLE label_values")
        with pytest.raises(SchemaTooOldError, match="wattnet migrate up"):
            client.names()
        with pytest.raises(SchemaTooOldError, match="wattnet migrate up"):
            client._database.rows("SELECT m.nothing FROM metrics AS m", {})
        driver.command(f"DROP DATABASE {old.database}")


class Refusing:
    """A driver whose server refuses as often as there are refusals, and then answers."""

    server_settings: ClassVar[dict[str, object]] = {}

    def __init__(self, *refusals: Exception) -> None:
        self.left = list(refusals)
        self.result_rows = [("answered",)]

    def query(self, *_: object, **__: object) -> Refusing:
        if self.left:
            raise self.left.pop(0)
        return self

    def command(self, *_: object) -> int:
        return 1


def asked(database: ClickHouseSettings, *refusals: Exception, pauses: list[float]) -> list[tuple[object, ...]]:
    """The answer of a server that refuses at first."""
    reader = Database(database, pause=pauses.append)
    reader._driver = Refusing(*refusals)  # type: ignore[assignment]  # stands in for a server that cannot be had
    return reader.rows("SELECT 1", {})


AWAY = OperationalError("refused")
BUSY = DatabaseError("too many", code=202)


def test_what_could_work_later_is_repeated_with_growing_pauses(database: ClickHouseSettings) -> None:
    pauses: list[float] = []
    assert asked(database, AWAY, BUSY, AWAY, pauses=pauses) == [("answered",)]
    assert [0.1 <= pauses[0] <= 0.2, 0.3 <= pauses[1] <= 0.6, 0.9 <= pauses[2] <= 1.8] == [True] * 3
    with pytest.raises(ClickHouseUnavailableError):
        asked(database, *[AWAY] * 4, pauses=pauses)
    with pytest.raises(AnswerError, match="max_concurrent_queries"):
        asked(database, *[BUSY] * 4, pauses=pauses)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [(497, AccessError, "wattnet_reader"), (159, TimeLimitError, "timeout_s"), (62, AnswerError, "refused the query")],
)
def test_what_stays_refused_is_not_repeated(
    database: ClickHouseSettings, code: int, kind: type[Exception], words: str
) -> None:
    pauses: list[float] = []
    with pytest.raises(kind, match=words):
        asked(database, DatabaseError("no", code=code), pauses=pauses)
    assert pauses == []


def test_the_cost_is_explained_before_it_is_paid(client: Client, large: str) -> None:
    said = client.metrics(large, **EVER).explain()
    assert f"2 series of {large} match" in said
    assert "zone=0" in said
    assert "FROM metrics AS m FINAL" in said
    assert "-- start_us = 0" in said
    assert "rows of metrics in" in said
    assert "LIMIT 5" in client.metrics(large, **EVER).limit(5).explain()
    assert "rows of newest in" in client.latest(large).explain()


def test_a_notebook_shows_what_is_asked_and_the_first_rows(client: Client, large: str, store: DirectWriter) -> None:
    shown = client.metrics(large, **EVER)._repr_html_()
    assert shown.count("<tr") == 11
    assert "the first 10 rows" in shown
    assert "&lt;Query large_x" in shown
    assert "the first" not in client.metrics(large, **EVER).limit(2)._repr_html_()


def test_a_plot_is_of_the_wide_frame(client: Client, large: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas draws it; without matplotlib the error says what to install."""
    drawn: list[Mapping[str, object]] = []

    def draw(frame: object, **options: object) -> str:
        drawn.append({"columns": list(frame.columns), **options})  # type: ignore[attr-defined]  # a DataFrame
        return "axes"

    monkeypatch.setattr("pandas.plotting._core.PlotAccessor.__call__", lambda self, **o: draw(self._parent, **o))
    assert client.metrics(large, **EVER).plot(lw=2) == "axes"
    assert drawn == [{"columns": ["0", "1"], "title": large, "xlabel": "", "lw": 2}]
