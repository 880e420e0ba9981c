"""What a question would cost: the statements, and what ClickHouse expects to read for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wattnet.query._database import Database
    from wattnet.query._question import Question

_SHOWN = 5


def explain(database: Database, question: Question) -> str:
    """The series that match, each statement with its parameters, and the rows and parts that it would read."""
    return "\n".join(_lines(database, question))


def _lines(database: Database, question: Question) -> Iterator[str]:
    from wattnet.query._series import find_matches

    matches = find_matches(database, question.name, question.filters.labels)
    where = f"{database.settings.database} at {database.settings.address}"
    yield f"{len(matches.series):,} series of {question.name} match in {where}"
    for match in matches.series[:_SHOWN]:
        yield "  " + (", ".join(f"{name}={value}" for name, value in match.labels.items()) or "no labels")
    if len(matches.series) > _SHOWN:
        yield f"  and {len(matches.series) - _SHOWN:,} more"
    for statement in question.statements(matches):
        yield ""
        yield statement.sql.strip()
        yield from _parameters(statement.parameters)
        # One row for each table that the statement reads.
        for _, table, parts, rows, marks in database.rows(f"EXPLAIN ESTIMATE {statement.sql}", statement.parameters):
            yield f"-- reads at most {rows:,} rows of {table} in {marks:,} granules of {parts:,} parts"


def _parameters(parameters: Mapping[str, object]) -> Iterator[str]:
    for name, value in parameters.items():
        if isinstance(value, list) and len(value) > _SHOWN:
            yield f"-- {name} = {value[:_SHOWN]!r} and {len(value) - _SHOWN:,} more"
        else:
            yield f"-- {name} = {value!r}"
