"""Whole letters with what can be said of them, from the table and, while it holds them, from Kafka."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from wattnet.consumer._diagnosis import Diagnosis, diagnose
from wattnet.consumer._errors import ServiceUnavailableError
from wattnet.consumer._originals import Originals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Message

    from wattnet.consumer._dead_letters import DeadLetter, DeadLetters, LetterHead
    from wattnet.consumer._settings import KafkaSettings

KAFKA_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Examined:
    """A letter, and `where` its message is, in words; `key` and `headers` as the message has them."""

    letter: DeadLetter
    diagnosis: Diagnosis
    where: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]


def examine_letters(
    letters: DeadLetters, heads: Sequence[LetterHead], kafka: KafkaSettings, *, timeout_s: float = KAFKA_TIMEOUT_S
) -> Iterator[Examined]:
    """Look into each of these. Kafka is asked for what the table does not have, and may be away."""
    with Originals(kafka, timeout_s=timeout_s) as originals:
        for page in letters.load(heads):
            missing = [letter.head for letter in page if not letter.kept]
            messages: dict[LetterHead, Message] = {}
            gone = "neither in the table nor in Kafka any more"
            try:
                messages = originals.read(missing)
            except ServiceUnavailableError as exc:
                gone = f"not in the table; {exc}"
            for letter in page:
                yield _examined(letter, messages.get(letter.head), gone, kafka)


def _examined(letter: DeadLetter, original: Message | None, gone: str, kafka: KafkaSettings) -> Examined:
    found = diagnose(letter, original, kafka)
    if original is None:
        return Examined(letter, found, "in the table" if letter.kept else gone, letter.key, letter.headers)
    headers = cast("list[tuple[str, bytes | None]]", original.headers() or [])
    headers_read = tuple((name, content or b"") for name, content in headers)
    return Examined(letter, found, "in Kafka", original.key() or b"", headers_read)
