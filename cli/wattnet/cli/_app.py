"""The commands in one tree, and how a run of one of them ends."""

from __future__ import annotations

import os
import sys
import traceback

import typer
from typer.main import get_command

from wattnet.cli import (
    _close_breakers,
    _consume,
    _dead_letters,
    _doctor,
    _init,
    _kafka_engine,
    _lag,
    _migrate,
    _up,
    _verify,
)
from wattnet.cli._demo import _command as _demo
from wattnet.cli._failures import explain
from wattnet.cli._terminal import escaped

app = typer.Typer(
    help="Electricity and carbon metrics of every grid zone: from Kafka to ClickHouse, each one exactly once.",
    epilog="Settings come from the environment or from .env: KAFKA_*, CLICKHOUSE_*, SCHEMA_REGISTRY_URL, WATTNET_*.",
    no_args_is_help=True,
    add_completion=False,
    # typer's rich help takes a quarter of a second to import.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    _demo.demo,
    _up.up,
    _init.init,
    _consume.consume,
    _close_breakers.close_breakers,
    _verify.verify,
    _lag.lag,
    _doctor.doctor,
):
    app.command()(command)
app.add_typer(_dead_letters.app, name="dead-letters")
app.add_typer(_kafka_engine.app, name="kafka-engine")
app.add_typer(_migrate.app, name="migrate")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wattnet-storage {version('wattnet-storage')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    pass


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are on standard error then, in words."""
    try:
        # Not app(): that would install typer's own excepthook. It ends in SystemExit, also when a pipe was closed.
        get_command(app).main(arguments, prog_name="wattnet")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # noqa: BLE001  whatever it is, people get words and an exit code
        if os.environ.get("WATTNET_LOG_LEVEL", "").upper() == "DEBUG":
            print(escaped("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        failure = explain(error)
        print(escaped(f"wattnet: {failure.message}"), file=sys.stderr)
        return failure.exit_code
    return 0
