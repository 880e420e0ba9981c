"""Messages that went wrong: real ones, altered in every way that bytes get altered, and keys and headers to match."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hostile import metrics
from hypothesis import HealthCheck, Phase, given, settings

from wattnet.schemas import METRIC_FINGERPRINT, MetricEncoder, confluent_header, single_object_header
from wattnet.schemas.avro import encode_long

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattnet.schemas import Metric

HEADER = single_object_header(METRIC_FINGERPRINT)
HEALTHY_SHARE = 0.3
# ClickHouse makes room for so much before it looks; above 2^31 it refuses at once.
HUGE = (2**29, 2**31 - 1)
# What is put where a length or a count may stand: negative, huge, at the edges of 32 and 64 bits, in more bytes than
# needed, in more bytes than a long may have.
LENGTHS = [
    *map(encode_long, (*HUGE, 0, -1, 1, -2, 2**14, 2**26, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63))),
    b"\x80\x00",
    b"\x82\x80\x80\x00",
    b"\xff" * 9 + b"\x01",
    b"\xff" * 9 + b"\x7f",
    b"\xff" * 10 + b"\x01",
    b"\x80" * 12 + b"\x00",
]


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """A message to send. `healthy` is one that was left as it was."""

    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, str | bytes | None]]
    healthy: bool


def fuzzed(seed: int, count: int) -> Iterator[Fuzzed]:
    """So many messages, the same for the same seed but for the time in them."""
    rng = random.Random(seed)
    encoder = MetricEncoder(HEADER)
    pool = nasty_metrics()
    known_us = time.time_ns() // 1000 - 2 * count - 1

    def fresh() -> bytes:
        nonlocal known_us
        known_us += 1
        return encoder.encode(rng.choice(pool), known_us)[1]

    for _ in range(count):
        value: bytes | None = fresh()
        healthy = rng.random() < HEALTHY_SHARE
        if not healthy:
            value = rng.choice(MUTATIONS)(value or b"", rng, fresh)
        yield Fuzzed(value, _key(rng), _headers(rng), healthy)


def nasty_metrics(count: int = 300) -> list[Metric]:
    """Metrics that are allowed, as strange as Hypothesis makes them."""
    found: list[Metric] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(metrics())
    def collect(metric: Metric) -> None:
        found.append(metric)

    collect()
    return found


def _flip_bits(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    altered = bytearray(value)
    for _bit in range(rng.choice((1, 1, 1, 2, 8))):
        altered[rng.randrange(len(altered))] ^= 1 << rng.randrange(8)
    return bytes(altered)


def _flip_behind_the_header(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    altered = bytearray(value)
    altered[rng.randrange(len(HEADER), len(altered))] = rng.randrange(256)
    return bytes(altered)


def _truncate(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    return value[: rng.randrange(len(value))]


def _splice(value: bytes, rng: random.Random, fresh: Callable[[], bytes]) -> bytes:
    other = fresh()
    return value[: rng.randrange(len(value))] + other[rng.randrange(len(other)) :]


def _cut_out(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    first = rng.randrange(len(HEADER), len(value))
    return value[:first] + value[first + rng.randrange(1, 9) :]


def _attack_a_length(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    place = rng.randrange(len(HEADER), len(value))
    return value[:place] + rng.choice(LENGTHS) + value[place + 1 :]


def _junk_behind(value: bytes, rng: random.Random, fresh: Callable[[], bytes]) -> bytes:
    return value + rng.choice((b"\x00", b"end.", b"wattnet-storage\n", fresh(), rng.randbytes(rng.randrange(1, 200))))


def _other_framing(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes | None:
    body = value[len(HEADER) :]
    return rng.choice(
        (
            None, b"", body, b"\x00", b"\xc3\x01", HEADER, HEADER[:7], b"Obj\x01" + body, b'{"name": "zone_load"}',
            confluent_header(rng.randrange(2**31)) + body, single_object_header(rng.randbytes(8)) + body,
            b"\n\n" + value,
        )
    )  # fmt: skip


def _random_body(_: bytes, rng: random.Random, __: Callable[[], bytes]) -> bytes:
    return HEADER + rng.randbytes(rng.randrange(300))


def _large(value: bytes, rng: random.Random, _: Callable[[], bytes]) -> bytes:
    # Rarely: the others are the ones that find something.
    return value + b"\xff" * 100_000 if rng.random() < 0.01 else value[:-1]


MUTATIONS = (
    _flip_bits, _flip_bits, _flip_behind_the_header, _flip_behind_the_header, _truncate, _splice, _cut_out,
    _attack_a_length, _attack_a_length, _junk_behind, _other_framing, _random_body, _large,
)  # fmt: skip


def _key(rng: random.Random) -> bytes | None:
    return None if rng.random() < 0.1 else rng.randbytes(rng.choice((0, 1, 20, 20, 500)))


def _headers(rng: random.Random) -> list[tuple[str, str | bytes | None]]:
    names = ("", "origin", "origin", "\n", "ümlaut", "x" * 300)
    return [
        (rng.choice(names), None if rng.random() < 0.2 else rng.randbytes(rng.randrange(20)))
        for _ in range(rng.choice((0, 0, 0, 1, 3)))
    ]
