"""Asked to stop while messages keep coming."""

from __future__ import annotations

import time
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING

from road import load, until

if TYPE_CHECKING:
    from road import Road


def test_a_stop_while_messages_keep_coming_is_a_clean_drain(road: Road) -> None:
    """Exit code 0 within its time, and whoever comes next goes on behind what was stored."""
    enough = Event()
    sent: list[int] = []

    def keep_sending() -> None:
        with road.producer() as producer:
            for number in count():
                producer.send(load(f"Z{number % 30:02d}", number // 30, float(number)))
                if number % 50 == 49:
                    producer.flush()
                    if enough.wait(0.01):
                        sent.append(number + 1)
                        return

    sender = Thread(target=keep_sending)
    sender.start()
    try:
        with road.consumer(KAFKA_OPTIONS="{}") as consumer:
            road.wait_stored(1_000)
            begun = time.monotonic()
            assert consumer.terminate() == 0, consumer.logged()
            assert time.monotonic() - begun < 30
        until(lambda: road.verdict().in_flight > 0, "messages kept coming")
    finally:
        enough.set()
        sender.join()
    assert road.verdict().ok
    with road.consumer():
        until(lambda: road.released() == sent[0], "all of it is released")
    road.assert_exact(sent[0])
