"""`wattnet lag`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from wattnet.consumer import GroupLag, Member, PartitionLag


def lag(
    as_json: bool = typer.Option(False, "--json", help="Print everything as one JSON object."),
) -> None:
    """Show how far consumers are behind, and who reads what.

    The lag counts what Kafka holds from the committed offset on. Messages that a consumer has claimed are on their
    way, or stored already: they count until the next commit. Where a transaction is open, nobody can read on: its
    first offset is said, and how many wait behind it.
    """
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_one
    from wattnet.consumer import KafkaSettings, measure_lag

    settings = read_one(KafkaSettings)
    keep_quiet()
    group = measure_lag(settings)
    if as_json:
        typer.echo(json.dumps(group.to_dict(), indent=2))
    else:
        _show(group)


def _show(group: GroupLag) -> None:
    typer.echo(f"topic {group.topic} (id {group.topic_id})")
    protocol = f", protocol {group.protocol}" if group.protocol else ""
    idle = f", {group.idle_members} of them without a partition" if group.idle_members else ""
    typer.echo(f"group {group.group_id}: {group.state}{protocol}, {_count(len(group.members), 'member')}{idle}")
    typer.echo(
        f"{'partition':>9}  {'committed':>13}  {'claimed to':>13}  {'end':>13}  {'lag':>13}  {'oldest':>8}  owner"
    )
    for one in group.partitions:
        committed = "void" if one.void else _number(one.committed)
        line = f"{one.partition:>9}  {committed:>13}  {_number(one.claimed):>13}  {one.end:>13,}  {one.lag:>13,}"
        typer.echo(f"{line}  {_age(one):>8}  {_owner(one.owner)}{_gone(one)}{_undecided(one)}")
    typer.secho(f"{_count(group.lag, 'message')} behind", bold=True)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _age(partition: PartitionLag) -> str:
    age_s = partition.oldest_age_s
    if age_s is None:
        return "?" if partition.lag else "-"
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= 2 * unit_s:
            return f"{age_s / unit_s:.0f} {unit}"
    return f"{age_s:.1f} s"


def _owner(member: Member | None) -> str:
    if member is None:
        return "nobody"
    # Replicas share a client id: the end of the member id tells them apart.
    return f"{member.client_id} at {member.host}, {member.instance_id or '…' + member.member_id[-8:]}"


def _gone(partition: PartitionLag) -> str:
    return f"  ({_count(partition.gone, 'offset')} behind the commit no longer in Kafka)" if partition.gone else ""


def _undecided(partition: PartitionLag) -> str:
    if not partition.undecided:
        return ""
    first = partition.end - partition.undecided
    return f"  (a transaction is open since offset {first:,}: {_count(partition.undecided, 'offset')} wait for its end)"
