"""The command: what happens in which order, and what is said about it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wattnet.cli._signals import Stopped, stoppable

if TYPE_CHECKING:
    from rich.console import Console

    from wattnet.consumer import BatchSettings
    from wattnet.local import LocalStack

REPLICAS = 2
EXIT_NOT_EXACT = 1


def demo(
    data_dir: Path = typer.Option(Path(".wattnet/demo"), help="Where everything is kept; made if it is not there."),
) -> None:
    """Send a year of eight US grids to the tables, and prove it.

    Starts real Kafka, real ClickHouse and two consumers here, publishes about 630,000 metrics, shows what is stored,
    and stops everything. Repeating it changes no value: the same revisions replace themselves.
    """
    from rich.console import Console

    from wattnet.cli._logging import keep_quiet

    keep_quiet()
    console = Console(highlight=False, markup=False)
    try:
        with stoppable():
            _run(data_dir, console)
    except Stopped as stopped:
        typer.echo(f"stopped ({stopped}); what was stored stays in {data_dir}", err=True)
        raise typer.Exit(stopped.exit_code) from None


def _run(data_dir: Path, console: Console) -> None:
    from rich.console import Console

    from wattnet.cli._demo._words import show_next_steps
    from wattnet.cli._settings import read_one
    from wattnet.consumer import BatchSettings
    from wattnet.local import LocalStack

    batch = read_one(BatchSettings)  # what the consumers will read, checked before anything is started
    aside = Console(stderr=True, highlight=False, markup=False)
    say = partial(aside.print, soft_wrap=True)
    with LocalStack(data_dir, progress=say) as stack:
        try:
            exact = _travel_and_show(stack, batch, console, aside)
        finally:
            say("stopping Kafka and ClickHouse")
    if not exact:
        raise typer.Exit(EXIT_NOT_EXACT)
    show_next_steps(console, data_dir)


def _travel_and_show(stack: LocalStack, batch: BatchSettings, console: Console, aside: Console) -> bool:
    from wattnet.cli._demo import _pictures, _road
    from wattnet.cli._demo._meter import meter
    from wattnet.cli._demo._replicas import Replicas
    from wattnet.cli._demo._words import show_verdict
    from wattnet.query import Client

    settings = _road.settings_for(stack, batch)
    before = _road.contents(settings)
    with Replicas(stack.env, stack.data_dir / "logs", count=REPLICAS) as replicas:
        aside.print(f"started {REPLICAS} consumers, logging to {replicas.logs}", soft_wrap=True)
        try:
            with meter(aside) as show:
                journey = _road.travel(settings, replicas, show)
            aside.print("verifying")
            verdict = _road.prove(settings)
            after = _road.contents(settings)
            _pictures.show_rates(console, journey)
            with Client(stack.clickhouse_url) as client:
                _pictures.show_newest(console, client)
                _pictures.show_week(console, client)
            show_verdict(console, verdict, before, after)
        finally:
            aside.print("stopping the consumers")
    return verdict.ok
