"""`wattnet up`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wattnet.local import LocalStack

QUERY = "SELECT count() FROM metrics"


def up(
    data_dir: Path = typer.Option(Path(".wattnet/stack"), help="Where everything is kept; made if it is not there."),
    kafka_port: int = typer.Option(9092, min=0, max=65535, help="Kafka's port; 0 takes any that is free."),
    clickhouse_port: int = typer.Option(
        8123, min=0, max=65535, help="ClickHouse's HTTP port; 0 takes any that is free."
    ),
    schema_registry: bool = typer.Option(False, "--schema-registry", help="Run a schema registry too."),
) -> None:
    """Run real Kafka and ClickHouse here until Ctrl-C."""
    from wattnet.cli._failures import EXIT_UNAVAILABLE, CommandError
    from wattnet.cli._logging import keep_quiet
    from wattnet.local import LocalStack, PortInUseError, run_until_stopped

    keep_quiet()
    stack = LocalStack(
        data_dir,
        schema_registry=schema_registry,
        kafka_port=kafka_port or None,
        clickhouse_port=clickhouse_port or None,
        progress=_say,
    )
    try:
        run_until_stopped(stack, on_ready=_show)
    except PortInUseError as exc:
        if exc.argument is None:
            raise
        option = "--" + exc.argument.replace("_", "-")
        message = f"another program uses port {exc.port}: stop it, or choose another with {option} (0 takes any)"
        raise CommandError(message, exit_code=EXIT_UNAVAILABLE) from exc
    _say(f"stopped; the data stays in {data_dir}")


def _say(line: str) -> None:
    """Tell the person, not the pipe."""
    typer.echo(line, err=True)


def _show(stack: LocalStack) -> None:
    lines = [
        f"Kafka            {stack.bootstrap_servers}  (topic wattnet.metrics)",
        f"ClickHouse       {stack.clickhouse_url}  (database wattnet)",
    ]
    if stack.schema_registry_url:
        lines.append(f"Schema registry  {stack.schema_registry_url}")
    lines += [f"Data             {stack.data_dir}", "", "To work with it, in another terminal:", ""]
    lines += [f"  export {name}={shlex.quote(value)}" for name, value in stack.env.items()]
    lines += [
        "",
        "  wattnet consume   # store what comes from Kafka in ClickHouse",
        "  wattnet verify    # prove that every offset is stored exactly once",
        f"  curl '{stack.clickhouse_url}/?database=wattnet' --data '{QUERY}'",
        "",
        "Ctrl-C stops it.",
    ]
    typer.echo("\n".join(lines))
