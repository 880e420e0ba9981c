"""The command: what happens in which order, and what is said about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wattnet.cli._signals import Stopped, stoppable

if TYPE_CHECKING:
    from rich.console import Console

REPLICAS = 2


def demo(
    data_dir: Path = typer.Option(Path(".wattnet/demo"), help="Where everything is kept; made if it is not there."),
) -> None:
    """Send a year of eight US grids down the whole road, and prove it.

    Starts real Kafka, real ClickHouse and two consumers here, publishes about 630,000 metrics, shows what is stored,
    and stops everything. Repeating it changes no value: the same revisions replace themselves.
    """
    from rich.console import Console

    from wattnet.cli._logging import keep_quiet

    keep_quiet()
    console = Console(highlight=False)
    with stoppable():
        try:
            _run(data_dir, console)
        except Stopped as stopped:
            Console(stderr=True, highlight=False).print(f"stopped ({stopped}); what was stored stays in {data_dir}")
            raise typer.Exit(stopped.exit_code) from None


def _run(data_dir: Path, console: Console) -> None:
    from rich.console import Console

    from wattnet.cli._demo import _pictures, _road, _words
    from wattnet.cli._demo._meter import meter
    from wattnet.cli._demo._replicas import Replicas
    from wattnet.consumer import verify
    from wattnet.local import LocalStack
    from wattnet.query import Client

    aside = Console(stderr=True, highlight=False)
    with LocalStack(data_dir, progress=aside.print) as stack:
        on_stack = _road.settings_for(stack)
        before = _road.contents(on_stack)
        with Replicas(stack.env, stack.data_dir / "logs", count=REPLICAS) as replicas:
            aside.print(f"started {REPLICAS} consumers, logging to {replicas.logs}")
            with meter(aside) as show:
                journey = _road.travel(on_stack, replicas, show)
            aside.print("verifying")
            verdict = verify(on_stack)
            after = _road.contents(on_stack)
            with Client(stack.clickhouse_url) as client:
                _pictures.show_rates(console, journey)
                _pictures.show_newest(console, client)
                _pictures.show_week(console, client)
            _words.show_verdict(console, verdict, before, after)
            aside.print("stopping the consumers, Kafka and ClickHouse")
        url = stack.clickhouse_url
    if not verdict.ok:
        raise typer.Exit(1)
    _words.show_next_steps(console, data_dir, url)
