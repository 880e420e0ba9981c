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
) -> None:
    """Prove that every offset is stored exactly once.

    Compares Kafka with ClickHouse, partition by partition. Works while consumers run. The exit code is 1 when
    something is missing or doubled, with the ranges named.
    """
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings
    from wattnet.consumer import verify as prove

    settings = read_settings()
    keep_quiet()
    verdict = prove(settings)
    if as_json:
        typer.echo(json.dumps(verdict.to_dict(), indent=2))
    else:
        _show(verdict)
    if not verdict.ok:
        raise typer.Exit(EXIT_NOT_EXACT)


def _show(verdict: Verdict) -> None:
    typer.echo(f"topic {verdict.topic}" + (f" (id {verdict.topic_id})" if verdict.topic_id else ": there is none now"))
    typer.echo(f"{'partition':>9}  {'in Kafka':>23}  {'in ClickHouse':>23}  {'refused':>7}  {'in flight':>9}")
    for one in verdict.partitions:
        old = "  (of a topic that is gone)" if one.topic_id != verdict.topic_id else ""
        kafka, stored = _range(one.low, one.high), _range(one.first, one.next)
        typer.echo(f"{one.partition:>9}  {kafka:>23}  {stored:>23}  {one.refused:>7,}  {one.in_flight:>9,}{old}")
    for problem in verdict.problems:
        typer.secho(str(problem), fg="red")
    typer.secho(str(verdict), fg="green" if verdict.ok else "red", bold=True)


def _range(first: int | None, after: int | None) -> str:
    return "-" if first is None or after is None else f"[{first:,}, {after:,})"
