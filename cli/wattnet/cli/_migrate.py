"""`wattnet migrate up | down | status`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from wattnet.cli._failures import EXIT_CONFIGURATION, EXIT_USAGE, CommandError

if TYPE_CHECKING:
    from wattnet.clickhouse import ClickHouseSettings

app = typer.Typer(
    help="Apply, roll back or list the migrations of the tables.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def up() -> None:
    """Create the database and apply what is pending. Safe to repeat."""
    from wattnet.clickhouse import migrate_up

    settings = _settings()
    applied = migrate_up(settings)
    for migration in applied:
        typer.echo(f"applied {migration.name}")
    if not applied:
        typer.echo(f"database {settings.database} at {settings.address} is up to date")


@app.command()
def down(
    steps: int = typer.Option(1, "--steps", min=1, metavar="N", help="How many migrations, newest first."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Roll back the newest migrations, with all data in their tables."""
    from wattnet.clickhouse import migrate_down, migration_status

    settings = _settings()
    applied = [migration.name for migration in migration_status(settings) if migration.applied_at is not None]
    where = f"database {settings.database} at {settings.address}"
    if not applied:
        typer.echo(f"{where} has no migration to roll back")
        return
    if steps > len(applied):
        raise CommandError(
            f"--steps {steps}: {where} has only {len(applied)} migrations, see `wattnet migrate status`",
            exit_code=EXIT_USAGE,
        )
    newest_first = applied[: -steps - 1 : -1]
    names = ", ".join(newest_first)
    if not yes:
        if not sys.stdin.isatty():
            raise CommandError(
                f"rolling back {names} deletes all data in the tables that it made: add --yes if you mean it",
                exit_code=EXIT_USAGE,
            )
        typer.confirm(f"{where}: roll back {names} and delete all data in the tables made by it?", abort=True, err=True)
    migrate_down(settings, steps=steps)
    for name in newest_first:
        typer.echo(f"rolled back {name}")


@app.command()
def status() -> None:
    """List all migrations. The exit code is 78 unless all are applied as they are here."""
    from wattnet.clickhouse import migration_status

    migrations = migration_status(_settings())
    for migration in migrations:
        when = f"  {migration.applied_at:%Y-%m-%d %H:%M:%S} UTC" if migration.applied_at else ""
        typer.echo(f"{migration.name}  {migration.state}{when}")
    if any(migration.state != "applied" for migration in migrations):
        raise typer.Exit(EXIT_CONFIGURATION)


def _settings() -> ClickHouseSettings:
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_one
    from wattnet.clickhouse import ClickHouseSettings

    keep_quiet()
    return read_one(ClickHouseSettings)
