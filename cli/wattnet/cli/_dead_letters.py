"""`wattnet dead-letters list | show | replay | purge`."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import TYPE_CHECKING

import typer

from wattnet.cli._arguments import CLOCK
from wattnet.cli._failures import EXIT_USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from wattnet.consumer import LetterAddress, LetterFilter, Replayed, Settings

app = typer.Typer(
    help="List, show, send again or delete what was refused.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EXIT_NOT_SENT = 1
REASONS = typer.Option([], "--reason", help="Only of this reason; may be given several times.")
TOPIC = typer.Option(None, "--topic", help="Only of this topic.")
SINCE = typer.Option(None, "--since", metavar="TIME", help="Only stored since then: 2025-03-01T06:00Z, or -1d, -6h.")
UNTIL = typer.Option(None, "--until", metavar="TIME", help="Only stored before then.")
ADDRESSES = typer.Argument(None, metavar="[TOPIC:]PARTITION:OFFSET", help="As `list` shows it, such as 3:4711.")
JSON = typer.Option(False, "--json", help="Print a JSON object a line.")


@app.command("list")
def list_(
    reason: list[str] = REASONS,
    topic: str | None = TOPIC,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    tz: str | None = CLOCK,
    replayed: bool = typer.Option(False, "--replayed", help="Only those that were sent again."),
    pending: bool = typer.Option(False, "--pending", help="Only those that were not sent again."),
    by_reason: bool = typer.Option(False, "--by-reason", help="Count them by reason."),
    limit: int = typer.Option(100, "--limit", min=1, help="The newest so many."),
    as_json: bool = JSON,
) -> None:
    """List dead letters, the newest first.

    A table on a terminal, tab-separated lines in a pipe, JSON on request.
    """
    from wattnet.cli._letters_shown import lines_of_heads, lines_of_reasons
    from wattnet.consumer import DeadLetters

    settings = _settings()
    if replayed and pending:
        raise typer.BadParameter("--replayed and --pending exclude each other")
    which = _filter(reason, topic, since, until, tz, replayed=True if replayed else False if pending else None)
    with DeadLetters.open(settings.clickhouse) as letters:
        if by_reason:
            _print(lines_of_reasons(letters.by_reason(which), as_json=as_json))
            return
        heads = letters.find(which, limit=limit + 1)
    _print(lines_of_heads(heads[:limit], as_json=as_json))
    if len(heads) > limit:
        typer.echo(f"there are more than these {limit:,}: give --limit, or a filter", err=True)
    elif not heads:
        typer.echo("no dead letters", err=True)


@app.command()
def show(
    addresses: list[str] = typer.Argument(metavar="[TOPIC:]PARTITION:OFFSET", help="As `list` shows it."),
    as_json: bool = JSON,
) -> None:
    """Decode a dead letter and point at what is broken.

    Its fields are read as far as they go; the byte or the field that is broken is shown with what is around it.
    The bytes come from the table, or from Kafka while it still holds them.
    """
    from wattnet.cli._letters_shown import lines_of_letter
    from wattnet.consumer import DeadLetters, examine_letters

    settings = _settings()
    with DeadLetters.open(settings.clickhouse) as letters:
        heads = letters.at([*_addresses(addresses, settings)])
        for number, examined in enumerate(examine_letters(letters, heads, settings.kafka)):
            if number and not as_json:
                typer.echo()
            _print(lines_of_letter(examined, as_json=as_json))


@app.command()
def replay(
    addresses: list[str] = ADDRESSES,
    reason: list[str] = REASONS,
    topic: str | None = TOPIC,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    tz: str | None = CLOCK,
    all_: bool = typer.Option(False, "--all", help="All that were not sent again yet."),
    again: bool = typer.Option(False, "--again", help="Those, too, that were sent again before."),
    correction: Path | None = typer.Option(
        None,
        "--with",
        metavar="FILE",
        help="Send this instead: a JSON object of the record's fields ('-': from stdin).",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only show what would be sent."),
) -> None:
    """Send dead letters again, to the topic that they came from.

    With their own bytes, key and headers: from the table, or from Kafka while it still holds them; else the record as
    it was decoded. What was sent again is skipped the next time. At least once: a replay that dies between Kafka's
    acknowledgement and the note in the table repeats those few. The exit code is 1 when some could not be sent.
    """
    from wattnet.consumer import DeadLetters, Replay

    settings = _settings()
    if not (addresses or reason or topic or since or until or all_):
        raise typer.BadParameter("say which: addresses, --reason, --topic, --since, --until, or --all")
    wanted = _addresses(addresses or [], settings)
    which = _filter(reason, topic, since, until, tz, addresses=wanted, replayed=None if again or wanted else False)
    with DeadLetters.open(settings.clickhouse) as letters:
        if wanted:
            letters.at(wanted)
        heads = letters.find(which)
        done = [] if again else [head for head in heads if head.replayed_at]
        for head in done:
            typer.echo(f"{head.address}  was sent again at {head.replayed_at:%Y-%m-%d %H:%M:%S} UTC: skipped (--again)")
        heads = [head for head in heads if head not in done]
        sender = Replay(letters, settings.kafka)
        if correction is None:
            _report(sender.run(heads, dry_run=dry_run), dry_run=dry_run)
        elif len(heads) != 1:
            raise typer.BadParameter(f"--with corrects one letter, and these are {len(heads)}: give one address")
        else:
            _report([sender.correct(heads[0], _read_correction(correction), dry_run=dry_run)], dry_run=dry_run)


@app.command()
def purge(
    addresses: list[str] = ADDRESSES,
    reason: list[str] = REASONS,
    topic: str | None = TOPIC,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    tz: str | None = CLOCK,
    older_than: str | None = typer.Option(
        None, "--older-than", metavar="AGE", help="Only stored so long ago: 30d, 12h."
    ),
    pending_too: bool = typer.Option(False, "--pending-too", help="Those, too, that were never sent again."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Delete dead letters for good.

    Those that were sent again, unless told otherwise. What is purged is written down by partition and offset, so that
    `wattnet verify` still agrees. A purge that was interrupted is finished by the next one.
    """
    from wattnet.consumer import DeadLetters, printable

    settings = _settings()
    if older_than is not None:
        if until is not None:
            raise typer.BadParameter("--older-than and --until exclude each other")
        until = f"-{older_than.lstrip('-')}"
    wanted = _addresses(addresses or [], settings)
    which = _filter(reason, topic, since, until, tz, addresses=wanted, replayed=None if pending_too else True)
    with DeadLetters.open(settings.clickhouse) as letters:
        if wanted:
            letters.at(wanted)
        counts = letters.by_reason(which)
        total = sum(one.letters for one in counts)
        pending = sum(one.pending for one in counts)
        for one in counts:
            typer.echo(f"{one.letters:>9,}  {printable(one.reason, max_length=60)}")
        what = _letters(total) + (f", {pending:,} of them never sent again" if pending else "")
        if total and not yes:
            if not sys.stdin.isatty():
                raise CommandError(f"this deletes {what}: give --yes where nobody can be asked", exit_code=EXIT_USAGE)
            typer.confirm(f"delete {what}?", abort=True, err=True)
        # Also when there is none: one that was interrupted is finished.
        typer.echo(f"purged {_letters(letters.purge(which))}")


def _letters(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"


def _settings() -> Settings:
    from wattnet.cli._logging import keep_quiet
    from wattnet.cli._settings import read_settings

    settings = read_settings()
    keep_quiet()
    return settings


def _filter(
    reasons: list[str],
    topic: str | None,
    since: str | None,
    until: str | None,
    tz: str | None,
    *,
    replayed: bool | None,
    addresses: Iterable[LetterAddress] = (),
) -> LetterFilter:
    from wattnet.consumer import LetterFilter

    return LetterFilter(
        addresses=tuple(addresses),
        reasons=tuple(reasons),
        topic=topic,
        since=_time(since, "--since", tz),
        until=_time(until, "--until", tz),
        replayed=replayed,
    )


def _time(text: str | None, option: str, tz: str | None) -> datetime | None:
    from wattnet.cli._publish._times import zone_of
    from wattnet.query import TimeError, parse_time

    if text is None:
        return None
    try:
        return parse_time(text, argument=option, zone=zone_of(tz))
    except TimeError as exc:
        raise typer.BadParameter(str(exc)) from None


def _addresses(texts: list[str], settings: Settings) -> list[LetterAddress]:
    from wattnet.consumer import LetterAddress

    return [LetterAddress.parse(text, topic=settings.kafka.topic) for text in texts]


def _read_correction(path: Path) -> object:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as exc:
        raise typer.BadParameter(f"--with {path}: {exc}") from None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _report(results: Iterable[Replayed], *, dry_run: bool) -> None:
    from wattnet.cli._letters_shown import line_of_replayed

    sent = failed = 0
    for one in results:
        sent, failed = (sent + 1, failed) if one.message else (sent, failed + 1)
        line = line_of_replayed(one)
        typer.echo(line if one.message else typer.style(line, fg="red"))
    typer.echo(f"{'would send' if dry_run else 'sent'} {sent:,} again" + (f", {failed:,} not" if failed else ""))
    if failed:
        raise typer.Exit(EXIT_NOT_SENT)
