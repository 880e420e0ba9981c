"""`wattnet import-legacy`: what a database of wattnet-storage 1.x holds, carried into the new tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wattnet.cli._terminal import escaped
from wattnet.schemas.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattnet.clickhouse import ClickHouseSettings
    from wattnet.legacy import LeftOut, TableReport

EXIT_LEFT_OUT = 1


def import_legacy(
    source_url: str | None = typer.Option(
        None,
        "--from",
        metavar="URL",
        envvar="WATTNET_LEGACY_URL",
        show_envvar=True,
        help="The server of 1.x: http[s]://[user[:password]@]host[:port][/database].",
        show_default="the server of CLICKHOUSE_*",
    ),
    database: str | None = typer.Option(
        None,
        "--database",
        metavar="NAME",
        help="The database of 1.x.",
        show_default="the URL's, else CLICKHOUSE_DATABASE: old and new tables may share one",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Count and check everything, and store nothing."),
) -> None:
    """Carry a database of 1.x into the new tables.

    What 1.x shows is carried, with values, labels and quality as they are; `updated_at` becomes the knowledge time.
    Nothing is changed in the old tables. It may be stopped and run again: what is carried is not carried twice, and
    what 1.x has written since is. So run it once while 1.x is in use, and once more when it is not.

    The report is on standard output, how far it is on standard error. Exit codes: 0 everything is carried, 1 something
    could not be, as the report says, 2 usage, 69 a server does not answer (run it again), 78 bad configuration.
    """
    from wattnet.cli._logging import keep_quiet
    from wattnet.legacy import import_legacy

    keep_quiet()
    source, target = _settings(source_url, database)
    reports = []
    with _Shown() as shown:
        for report in import_legacy(source, target, dry_run=dry_run, told=shown):
            reports.append(report)
            shown.finish(report)
    for line in _lines(reports, dry_run=dry_run):
        typer.echo(line)
    if not all(report.complete for report in reports):
        raise typer.Exit(EXIT_LEFT_OUT)


def _settings(source_url: str | None, database: str | None) -> tuple[ClickHouseSettings, ClickHouseSettings]:
    from wattnet.cli._settings import read_one
    from wattnet.clickhouse import ClickHouseSettings

    target = read_one(ClickHouseSettings)
    if source_url is None:
        return target.model_copy(update={"database": database or target.database}), target
    try:
        return ClickHouseSettings.from_url(source_url, database=database), target
    except ValueError as exc:
        raise typer.BadParameter(f"--from: {exc}") from None


class _Shown:
    """How far it is, on standard error: a line that counts where a person watches, and a line for each table."""

    def __init__(self) -> None:
        self._table = ""
        self._counting = Progress("rows")

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *error: object) -> None:
        self._counting.__exit__(None, None, None)

    def __call__(self, table: str, done: int) -> None:
        if table != self._table:
            self._table = table
            self._counting.__exit__(None, None, None)
            self._counting = Progress(f"rows of {table}")
        self._counting(done)

    def finish(self, report: TableReport) -> None:
        """The line of a table that has rows."""
        self._counting.__exit__(None, None, None)
        if report.rows:
            typer.echo(f"{report.table}: {report.carried + report.present:,} of {report.rows:,} rows", err=True)


def _lines(reports: list[TableReport], *, dry_run: bool) -> Iterator[str]:
    width = max(len(report.table) for report in reports)
    heads = ("rows", "to carry" if dry_run else "carried", "there before", "left out")
    yield f"{'table':<{width}}" + "".join(f"  {head:>12}" for head in heads)
    for report in reports:
        yield _counts(report.table, width, [report])
    yield _counts("all", width, reports)
    yield from _left_out("could not be carried", {report.table: report.rows_left_out for report in reports})
    yield from _left_out(
        "columns that could not be carried; the rest of their rows is",
        {report.table: report.columns_left_out for report in reports},
    )
    remarks = [f"  {one.table}: {what}: {_rows(count)}" for one in reports for what, count in one.assumed]
    remarks += [
        f"  {one.table}: replaced by later ones, which 1.x shows instead: {_rows(one.replaced)}"
        for one in reports
        if one.replaced
    ]
    if remarks:
        yield "\nto know:"
        yield from remarks
    if dry_run:
        yield "\nnothing was stored: this was a dry run"


def _left_out(title: str, by_table: dict[str, tuple[LeftOut, ...]]) -> Iterator[str]:
    if any(by_table.values()):
        yield f"\n{title}:"
    for table, all_of_it in by_table.items():
        for one in all_of_it:
            yield f"  {table}: {escaped(one.reason, keep='')}: {_rows(one.rows)}"
            if one.example:
                yield f"    such as {escaped(one.example, keep='')}"


def _counts(name: str, width: int, reports: list[TableReport]) -> str:
    left_out = sum(one.rows for report in reports for one in report.rows_left_out)
    counts = (
        sum(report.rows for report in reports),
        sum(report.carried for report in reports),
        sum(report.present for report in reports),
        left_out,
    )
    return f"{name:<{width}}" + "".join(f"  {count:>12,}" for count in counts)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
