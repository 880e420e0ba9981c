"""The commands in one tree, and how a run of one of them ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable  # noqa: TC003  where it is not imported, `command` could not be declared

import typer
from typer.main import get_command

from wattnet.cli import (
    _close_breakers,
    _consume,
    _dead_letters,
    _doctor,
    _findings,
    _import_legacy,
    _init,
    _kafka_engine,
    _lag,
    _migrate,
    _names,
    _query,
    _tail,
    _up,
    _verify,
)
from wattnet.cli._commands import Commands
from wattnet.cli._demo import _command as _demo
from wattnet.cli._epilog import examples
from wattnet.cli._failures import explain
from wattnet.cli._publish import _command as _publish
from wattnet.cli._signals import end_as_python_does
from wattnet.cli._terminal import escaped

READ = "Commands to publish and read"
OPERATE = "Commands to operate"
DEVELOP = "Commands to develop"

app = typer.Typer(
    cls=Commands,
    help="Electricity and carbon metrics of every grid zone: from Kafka to ClickHouse, each one exactly once.",
    epilog="Settings come from the environment or from .env: KAFKA_*, CLICKHOUSE_*, SCHEMA_REGISTRY_URL, WATTNET_*.",
    no_args_is_help=True,
    # typer's rich help takes a quarter of a second to import.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
command: Callable[..., None]
for command, lines in (
    (
        _publish.publish,
        (
            "wattnet publish load.csv --metric-type zone_load --label unit=MW --tz Europe/Madrid --dry-run",
            "wattnet publish solar.csv --metric-type zone_generation --column-label zone --label production_type=solar",
            "wattnet publish metrics.jsonl --atomic",
            "wattnet query zone_load zone=ES --start -1d | wattnet publish - --metric-type zone_load",
        ),
    ),
    (
        _query.query,
        (
            "wattnet query zone_generation zone=ES production_type=solar,wind --start -1d",
            "wattnet query zone_load zone=ES --start 2025-03-01T00:00Z --end 2025-03-02T00:00Z -o load.csv",
            "wattnet query zone_load zone=ES --start -7d --as-of -1d --format jsonl | jq .value",
            "wattnet query zone_load zone=ES --start 2025-03-01 --resample 1d --how energy --tz Europe/Madrid",
            "wattnet query zone_load zone=ES,PT --start -2d --plot",
        ),
    ),
    (
        _tail.tail,
        ("wattnet tail zone_generation zone=ES", "wattnet tail zone_load --start now --format jsonl | jq -c .value"),
    ),
    (_query.latest, ("wattnet latest zone_generation zone=ES", "wattnet latest zone_load --format csv")),
    (
        _findings.gaps,
        ("wattnet gaps zone_load zone=ES --start -30d", "wattnet gaps zone_generation --start -7d --step 15min"),
    ),
    (
        _findings.balance,
        (
            "wattnet balance ES datasource=entsoe --start -2d",
            "wattnet balance ES --start 2025-03-01 --end 2025-04-01 --step 1d --tz Europe/Madrid -o march.csv",
        ),
    ),
    (_names.series, ("wattnet series zone_generation zone=ES", "wattnet series zone_import from=FR --format json")),
    (_names.names, ("wattnet names", "wattnet names | grep footprint", "wattnet names --describe")),
):
    app.command(rich_help_panel=READ, epilog=examples(*lines))(command)
for command in (_init.init, _consume.consume, _verify.verify, _lag.lag, _doctor.doctor, _close_breakers.close_breakers):
    app.command(rich_help_panel=OPERATE)(command)
app.command(
    rich_help_panel=OPERATE,
    epilog=examples(
        "wattnet import-legacy --dry-run",
        "wattnet import-legacy --database wattnet_1",
        "wattnet import-legacy --from https://reader@old-server:8443/wattnet > report.txt",
    ),
)(_import_legacy.import_legacy)
app.add_typer(_dead_letters.app, name="dead-letters", rich_help_panel=OPERATE)
app.add_typer(_migrate.app, name="migrate", rich_help_panel=OPERATE)
app.add_typer(_kafka_engine.app, name="kafka-engine", rich_help_panel=OPERATE)
for command in (_demo.demo, _up.up, _up.down):
    app.command(rich_help_panel=DEVELOP)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wattnet-storage {version('wattnet-storage')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(  # noqa: ARG001  its callback answers
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    end_as_python_does()


def _print_with_causes(error: Exception) -> None:
    """Tracebacks, the first cause first: an error of ours keeps it as an attribute."""
    shown: BaseException | None = error
    tracebacks = []
    while shown is not None:
        tracebacks.append("".join(traceback.format_exception(shown)))
        shown = getattr(shown, "cause", None)
    print(escaped("\n".join(reversed(tracebacks))), end="", file=sys.stderr)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are on standard error then, in words."""
    try:
        # Not app(): that would install typer's own excepthook. It ends in SystemExit, also when a pipe was closed.
        get_command(app).main(arguments, prog_name="wattnet", color=False if os.environ.get("NO_COLOR") else None)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # noqa: BLE001  whatever it is, people get words and an exit code
        if os.environ.get("WATTNET_LOG_LEVEL", "").upper() == "DEBUG":
            _print_with_causes(error)
        failure = explain(error)
        print(escaped(f"wattnet: {failure.message}"), file=sys.stderr)
        return failure.exit_code
    return 0
