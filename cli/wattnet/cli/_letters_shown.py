"""Dead letters as lines: for people on a terminal, for pipes, as JSON. Nothing of them reaches a terminal as it is."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from wattnet.cli._hexdump import hexdump
from wattnet.consumer import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattnet.consumer import Examined, Fault, LetterHead, ReasonCount, Replayed

ORIGINS = {
    "table": "its own bytes, from the table",
    "topic": "its own bytes, from Kafka",
    "record": "its record, decoded before it was refused",
    "correction": "the corrected record",
}
REASON_WIDTH = 28
VALUE_WIDTH = 120


def lines_of_heads(heads: Sequence[LetterHead], *, as_json: bool) -> Iterator[str]:
    """A list of letters; each line has the address by which the other commands find it."""
    addresses = _addresses(heads)
    if as_json:
        for head, address in zip(heads, addresses, strict=True):
            yield _json({"address": address, **asdict(head)})
    elif not sys.stdout.isatty():
        for head, address in zip(heads, addresses, strict=True):
            replayed = head.replayed_at.isoformat() if head.replayed_at else "-"
            reason, detail = (printable(text, max_length=None) for text in (head.reason, head.detail))
            yield "\t".join((address, head.stored_at.isoformat(), reason, replayed, str(head.raw_bytes), detail))
    elif heads:
        width = max(map(len, addresses))
        columns, _ = shutil.get_terminal_size()
        room = max(columns - width - 19 - REASON_WIDTH - 10 - 8, 20)
        yield f"{'address':<{width}}  {'stored (UTC)':<19}  {'reason':<{REASON_WIDTH}}  {'sent again':<10}  detail"
        for head, address in zip(heads, addresses, strict=True):
            again = f"{head.replayed_at:%Y-%m-%d}" if head.replayed_at else "-"
            yield (
                f"{address:<{width}}  {head.stored_at:%Y-%m-%d %H:%M:%S}  "
                f"{printable(head.reason, max_length=REASON_WIDTH):<{REASON_WIDTH}}  {again:<10}  "
                f"{printable(head.detail.strip(), max_length=room)}"
            )


def lines_of_reasons(counts: Sequence[ReasonCount], *, as_json: bool) -> Iterator[str]:
    """How many there are of each reason."""
    if as_json:
        yield from (_json({**asdict(one), "newest": str(one.newest)}) for one in counts)
        return
    if sys.stdout.isatty():
        yield f"{'letters':>9}  {'not sent again':>14}  {'first stored (UTC)':<19}  {'last stored (UTC)':<19}  reason"
    for one in counts:
        first, last = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (one.first_stored_at, one.last_stored_at))
        if sys.stdout.isatty():
            yield f"{one.letters:>9,}  {one.pending:>14,}  {first}  {last}  {printable(one.reason, max_length=80)}"
        else:
            yield "\t".join((str(one.letters), str(one.pending), first, last, printable(one.reason, max_length=None)))


def lines_of_letter(examined: Examined, *, as_json: bool) -> Iterator[str]:
    """Everything about one letter."""
    letter, found = examined.letter, examined.diagnosis
    head = letter.head
    if as_json:
        yield _json(_everything(examined))
        return
    yield typer.style(f"{head.address}  {printable(head.reason, max_length=VALUE_WIDTH)}", bold=True)
    again = f"{head.replayed_at:%Y-%m-%d %H:%M:%S} UTC" if head.replayed_at else "never"
    yield f"  stored      {head.stored_at:%Y-%m-%d %H:%M:%S} UTC, sent again: {again}"
    yield f"  topic id    {printable(head.topic_id) or 'unknown (the Kafka engine was the feeder)'}"
    yield f"  detail      {printable(letter.detail.strip(), max_length=2 * VALUE_WIDTH)}"
    yield f"  key         {printable(examined.key, max_length=VALUE_WIDTH) or '-'}"
    for name, content in examined.headers[:20]:
        yield f"  header      {printable(name, max_length=60)} = {printable(content, max_length=VALUE_WIDTH)}"
    if len(examined.headers) > 20:
        yield f"              … and {len(examined.headers) - 20:,} more"
    where = "" if found.message is None else f": {len(found.message):,} bytes"
    yield f"  message     {examined.where}{where}"
    yield f"  framing     {printable(found.framing, max_length=2 * VALUE_WIDTH)}"
    for field in found.fields:
        yield f"    {field.name[:20]:<15} [{field.first}, {field.next})  {_value(field.value)}"
    if not found.fields and found.record is not None:
        for name, value in found.record.items():
            yield f"    {name:<15} {_value(value)}"
    yield typer.style(f"  broken      {_fault(found.fault)}", fg="red")
    if found.message and found.fault is not None and found.fault.first is not None and found.fault.next is not None:
        yield from (f"    {row}" for row in hexdump(found.message, found.fault.first, found.fault.next))


def line_of_replayed(one: Replayed) -> str:
    """What was sent, or why not."""
    message = one.message
    if message is None:
        return f"{one.head.address}  not sent: {printable(one.problem, max_length=300)}"
    size = "no value" if message.value is None else f"{len(message.value):,} bytes"
    key = printable(message.key or b"", max_length=80) or "no key"
    return f"{one.head.address}  {ORIGINS[message.origin]}: {size}, {key}, {len(message.headers)} headers"


def _addresses(heads: Sequence[LetterHead]) -> list[str]:
    """By the topic's name, or by its id where the name has meant several topics."""
    ids: dict[str, set[str]] = {}
    for head in heads:
        ids.setdefault(head.topic, set()).add(head.topic_id)
    return [
        printable(f"{head.topic_id if head.topic_id and len(ids[head.topic]) > 1 else head.topic}:"
                  f"{head.partition}:{head.offset}")
        for head in heads
    ]  # fmt: skip


def _fault(fault: Fault | None) -> str:
    if fault is None:
        return "nothing is found: whoever refused it saw more than this does (see detail)"
    field = f"{printable(fault.field, max_length=80)}, " if fault.field else ""
    where = "" if fault.first is None else f"at byte {fault.first}: "
    return f"{field}{where}{printable(fault.problem, max_length=3 * VALUE_WIDTH)}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        pairs = [f"{name}={text}" for name, text in [*value.items()][:40]]
        text = printable(", ".join(f"{pair:.60}" for pair in pairs), max_length=2 * VALUE_WIDTH)
        return f"{{{text}}}" + (f" ({len(value):,} in all)" if len(value) > 40 else "")
    return printable(value if isinstance(value, str) else repr(value), max_length=VALUE_WIDTH)


def _everything(examined: Examined) -> dict[str, Any]:
    found = examined.diagnosis
    return {
        "address": str(examined.letter.head.address),
        **asdict(examined.letter.head),
        "detail": examined.letter.detail,
        "key": examined.key,
        "headers": [{"name": name, "value": content} for name, content in examined.headers],
        "where": examined.where,
        "message_hex": None if found.message is None else found.message.hex(),
        "framing": found.framing,
        "fields": [asdict(field) for field in found.fields],
        "fault": None if found.fault is None else asdict(found.fault),
        "record": found.record,
    }


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(_plain(fields))


def _plain(value: Any) -> Any:
    """As JSON takes it: text in ASCII escapes, bytes as text with surrogates, times in ISO 8601, no NaN."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value
