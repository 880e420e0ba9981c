"""`wattnet doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.consumer import Finding

COLOURS = {"ok": "green", "note": "cyan", "unseen": "magenta", "warning": "yellow", "fatal": "red"}


def doctor(
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON object."),
) -> None:
    """Say what is wrong with the services, and what to do.

    Looks at Kafka, its options, topic, group and lag (twice, some seconds apart), breakers, dead letters, other groups,
    schema registry, ClickHouse, tables, rights, disks, clocks and versions; changes nothing. Exit codes: 0 all was
    looked at and nothing is fatal, 1 something could not be looked at, 69 a service does not answer, 78 something has
    to be changed.
    """
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings
    from wattnet.consumer import examine

    settings = read_settings()
    keep_quiet()
    findings = examine(settings)
    exit_code = max(one.exit_code for one in findings)
    if as_json:
        typer.echo(json.dumps({"ok": not exit_code, "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        _show(findings)
    raise typer.Exit(exit_code)


def _show(findings: Sequence[Finding]) -> None:
    width = max(len(one.name) for one in findings)
    for one in findings:
        typer.echo(f"{typer.style(f'{one.severity:<7}', fg=COLOURS[one.severity])}  {one.name:<{width}}  {one.seen}")
        if one.remedy:
            typer.secho(f"{'':<7}  {'':<{width}}  -> {one.remedy}", bold=True)
    typer.secho(_conclusion(findings), fg=COLOURS[_worst(findings)], bold=True)


def _worst(findings: Sequence[Finding]) -> str:
    found = {one.severity for one in findings}
    return next((severity for severity in ("fatal", "warning", "unseen") if severity in found), "ok")


def _conclusion(findings: Sequence[Finding]) -> str:
    fatal, warnings, unseen = (sum(one.severity == of for one in findings) for of in ("fatal", "warning", "unseen"))
    not_looked_at = f", not looked at: {unseen}" if unseen else ""
    if fatal or warnings:
        return f"fatal: {fatal}, warnings: {warnings}{not_looked_at}"
    if unseen:
        return f"no problems in what was looked at{not_looked_at}"
    return f"no problems found: {len(findings)} things looked at"
