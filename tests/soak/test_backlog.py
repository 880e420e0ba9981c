"""A large backlog: stored at full speed within the stated memory, and SIGTERM in the midst of it ends cleanly."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from road import load, until

if TYPE_CHECKING:
    from road import ConsumerProcess, Road
    from scale import Scale

CAP_BYTES = 32 * 1024 * 1024
# Python and its libraries, what librdkafka holds, and the bodies of three inserts under way.
AROUND_BYTES = 300 * 1024 * 1024
DRAIN_S = 35


def test_a_backlog(road: Road, scale: Scale) -> None:
    """`make soak` stores ten million."""
    messages = scale(150_000, 10_000_000)
    publish(road, scale, messages)
    with road.consumer(**environment()) as first:
        wait_for(road, scale, first, messages // 4)
        terminated_s = time.monotonic()
        assert first.terminate(DRAIN_S + 10) == 0, first.logged()
        drained_s = time.monotonic() - terminated_s
        assert drained_s < DRAIN_S
    stored = int(road.one("SELECT sum(messages) FROM ledger"))
    assert stored < messages, "SIGTERM came under load"
    assert road.released() == stored, "what it had claimed it has stored, and released"
    scale.tell(f"SIGTERM at {stored:,}: drained in {drained_s:.1f} s")
    with road.consumer(**environment()) as second:
        until(lambda: int(road.one("SELECT sum(messages) FROM ledger")) > stored, "it goes on")
        began_s, had = time.monotonic(), int(road.one("SELECT sum(messages) FROM ledger"))
        wait_for(road, scale, second, messages)
        rate = (messages - had) / (time.monotonic() - began_s)
        peak = peak_bytes(second)
        until(lambda: road.released() == messages, "all of it is released")
    scale.tell(f"{messages:,} stored, {rate:,.0f} metrics/s, at most {peak / 1024**2:.0f} MiB")
    assert peak < CAP_BYTES + AROUND_BYTES
    road.assert_exact(messages)
    scale.tell(str(road.verdict()))


def environment() -> dict[str, str]:
    return {"WATTNET_MAX_BUFFER_BYTES": str(CAP_BYTES), "WATTNET_LOG_LEVEL": "info", "WATTNET_FLUSH_INTERVAL_S": "2"}


def publish(road: Road, scale: Scale, messages: int) -> None:
    with road.producer() as producer:
        for number in range(messages):
            producer.send(load(f"Z{number % 300:03d}", number // 300, float(number)))
            if number % 1_000_000 == 999_999:
                scale.tell(f"{number + 1:,} published")


def wait_for(road: Road, scale: Scale, consumer: ConsumerProcess, messages: int) -> None:
    deadline = time.monotonic() + 120 + messages / 2_000
    told_s = time.monotonic()
    while (stored := int(road.one("SELECT sum(messages) FROM ledger"))) < messages:
        assert consumer.process.poll() is None, consumer.logged()
        assert time.monotonic() < deadline, f"{stored:,} of {messages:,} after so long"
        if time.monotonic() > told_s + 5:
            told_s = time.monotonic()
            scale.tell(f"{stored:,} stored, {consumer.resident_bytes() / 1024**2:.0f} MiB")
        time.sleep(0.05)


def peak_bytes(consumer: ConsumerProcess) -> int:
    """The most memory that it has taken. Reads Linux's /proc."""
    status = Path(f"/proc/{consumer.process.pid}/status").read_text()
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024
