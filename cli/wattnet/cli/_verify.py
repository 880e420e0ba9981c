"""`wattnet verify`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wattnet.consumer import Verdict

EXIT_NOT_EXACT = 1


def verify(
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON object."),
    max_in_flight: int | None = typer.Option(
        None, "--max-in-flight", metavar="N", min=0, help="Fail if more than N messages are in flight: 10000."
    ),
) -> None:
    """Prove that every offset is stored exactly once.

    Compares Kafka with ClickHouse, partition by partition. Works while consumers run. Exit codes: 0 nothing is missing
    or doubled, 1 something is (the ranges are named), or more is in flight than --max-in-flight allows, 69 a service
    does not answer, 78 something has to be changed.
    """
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings
    from wattnet.consumer import verify as prove

    settings = read_settings()
    keep_quiet()
    verdict = prove(settings)
    late = max_in_flight is not None and verdict.in_flight > max_in_flight
    if as_json:
        told = {**verdict.to_dict(), "ok": verdict.ok and not late, "max_in_flight": max_in_flight}
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(verdict)
        if late:
            typer.secho(f"{verdict.in_flight:,} in flight: more than --max-in-flight {max_in_flight:,}", fg="red")
    if late or not verdict.ok:
        raise typer.Exit(EXIT_NOT_EXACT)


def _show(verdict: Verdict) -> None:
    typer.echo(f"topic {verdict.topic}" + (f" (id {verdict.topic_id})" if verdict.topic_id else ": there is none now"))
    typer.echo(f"{'partition':>9}  {'in Kafka':>23}  {'in ClickHouse':>23}  {'rejected':>8}  {'in flight':>9}")
    for one in verdict.partitions:
        old = "  (of a topic that is gone)" if one.topic_id != verdict.topic_id else ""
        kafka, stored = _range(one.low, one.high), _range(one.first, one.next)
        typer.echo(f"{one.partition:>9}  {kafka:>23}  {stored:>23}  {one.refused:>8,}  {one.in_flight:>9,}{old}")
    for problem in verdict.problems:
        typer.secho(str(problem), fg="red")
    typer.echo(verdict.summary)
    # Green only where everything that Kafka holds was looked at and found.
    colour = "red" if not verdict.ok else "yellow" if verdict.in_flight else "green"
    typer.secho(str(verdict), fg=colour, bold=True)


def _range(first: int | None, after: int | None) -> str:
    return "-" if first is None or after is None else f"[{first:,}, {after:,})"
