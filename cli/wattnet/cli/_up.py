"""`wattnet up` and `wattnet down`."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wattnet.local import LocalStack

DATA_DIR = Path(".wattnet/stack")
QUERY = "SELECT count() FROM metrics"


def up(
    data_dir: Path = typer.Option(DATA_DIR, help="Where everything is kept; made if it is not there."),
    kafka_port: int = typer.Option(9092, min=0, max=65535, help="Kafka's port; 0 takes any that is free."),
    clickhouse_port: int = typer.Option(
        8123, min=0, max=65535, help="ClickHouse's HTTP port; 0 takes any that is free."
    ),
    schema_registry: bool = typer.Option(False, "--schema-registry", help="Run a schema registry too."),
    detach: bool = typer.Option(
        False, "--detach", "-d", help="Return when both serve, and leave them running until `wattnet down`."
    ),
) -> None:
    """Run real Kafka and ClickHouse here until Ctrl-C."""
    ready_fd = _continue_in_background() if detach else None
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
        run_until_stopped(stack, on_ready=lambda stack: _show(stack, ready_fd))
    except PortInUseError as exc:
        if exc.argument is None:
            raise
        option = "--" + exc.argument.replace("_", "-")
        message = f"another program uses port {exc.port}: stop it, or choose another with {option} (0 takes any)"
        raise CommandError(message, exit_code=EXIT_UNAVAILABLE).caused_by(exc) from None
    _say(f"stopped; the data stays in {data_dir}")


def down(
    data_dir: Path = typer.Option(DATA_DIR, help="The folder that `wattnet up` was given."),
) -> None:
    """Stop the stack that `wattnet up` runs; the data stays."""
    from wattnet.local import stop_stack

    if stop_stack(data_dir) is None:
        _say(f"nothing to stop: no stack runs in {data_dir}")
    else:
        _say(f"stopped; the data stays in {data_dir}")


def _continue_in_background() -> int:
    """Go on in a process of its own session; the one that the shell waits for ends when the stack is ready, or failed.

    Returns:
        In the background process, the file descriptor to which to write one byte when the stack is ready.
    """
    reading_fd, ready_fd = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading_fd)
        return ready_fd
    os.close(ready_fd)
    try:
        if os.read(reading_fd, 1):
            raise typer.Exit
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        raise
    _, status = os.waitpid(child, 0)
    raise typer.Exit(os.waitstatus_to_exitcode(status))


def _command_to_stop(data_dir: Path) -> str:
    return (
        "wattnet down" if data_dir == DATA_DIR.absolute() else f"wattnet down --data-dir {shlex.quote(str(data_dir))}"
    )


def _leave_the_terminal(log: Path) -> None:
    """Print into `log` from here on, and read nothing."""
    null_fd = os.open(os.devnull, os.O_RDONLY)
    log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    for fd, standard in ((null_fd, 0), (log_fd, 1), (log_fd, 2)):
        os.dup2(fd, standard)
    os.close(null_fd)
    os.close(log_fd)


def _say(line: str) -> None:
    """Tell the person, not the pipe."""
    typer.echo(line, err=True)


def _show(stack: LocalStack, ready_fd: int | None) -> None:
    """Print what runs where; in the background, leave the terminal and report that the stack is ready."""
    lines = [
        f"Kafka            {stack.bootstrap_servers}  (topic wattnet.metrics)",
        f"ClickHouse       {stack.clickhouse_url}  (database wattnet)",
    ]
    if stack.schema_registry_url:
        lines.append(f"Schema registry  {stack.schema_registry_url}")
    lines += [
        f"Data             {stack.data_dir}",
        "",
        f"To work with it{'' if ready_fd else ', in another terminal'}:",
        "",
    ]
    lines += [f"  export {name}={shlex.quote(value)}" for name, value in stack.env.items()]
    lines += [
        "",
        "  wattnet consume   # store what comes from Kafka in ClickHouse",
        "  wattnet verify    # prove that every offset is stored exactly once",
        f"  curl '{stack.clickhouse_url}/?database=wattnet' --data '{QUERY}'",
        "",
        "Ctrl-C stops it." if ready_fd is None else f"`{_command_to_stop(stack.data_dir)}` stops it.",
    ]
    typer.echo("\n".join(lines))
    if ready_fd is not None:
        _leave_the_terminal(stack.data_dir / "logs" / "up.log")
        os.write(ready_fd, b"1")
        os.close(ready_fd)
