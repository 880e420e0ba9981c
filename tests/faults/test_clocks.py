"""Clocks that are wrong or step back: offsets decide what is stored, knowledge times which value is current."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from road import load, until

from wattnet.schemas import METRIC_FINGERPRINT, MetricEncoder, single_object_header

if TYPE_CHECKING:
    from road import Road

HOUR_S = 3600
# Imported by Python itself before all else in a process whose PYTHONPATH leads here.
SHIFTED_CLOCK = """
import os, time
time.shift_s = [float(os.environ["CLOCK_SHIFT_S"])]
time.time = lambda real=time.time: real() + time.shift_s[0]
time.time_ns = lambda real=time.time_ns: real() + int(time.shift_s[0] * 1e9)
"""
# Arguments: what to send, as value@hour, and `step` for a clock that steps back by an hour there.
SENDER = """
import os, sys, time
from road import load
from wattnet.producer import Producer, _clock
with Producer(os.environ["KAFKA_BOOTSTRAP_SERVERS"], topic=os.environ["KAFKA_TOPIC"]) as producer:
    for word in sys.argv[1:]:
        if word == "step":
            before = _clock.time_ns()
            time.shift_s[0] -= 3600
            assert _clock.time_ns() < before, "the fault took place"
        else:
            value, hour = word.split("@")
            producer.send(load("CL", int(hour), float(value)))
            producer.flush()
"""


def shifted(road: Road, by_s: float) -> dict[str, str]:
    """Environment of a process whose clock is wrong."""
    (road.folder / "sitecustomize.py").write_text(SHIFTED_CLOCK)
    return {"PYTHONPATH": str(road.folder), "CLOCK_SHIFT_S": str(by_s)}


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S], ids=["an hour ahead", "an hour behind"])
def test_a_consumer_whose_clock_is_wrong(road: Road, by_s: int) -> None:
    """And messages whose timestamps are an hour off to both sides: all is stored by its offset."""
    encoder, now_ms = MetricEncoder(single_object_header(METRIC_FINGERPRINT)), time.time_ns() // 10**6
    raw = road.raw_producer()
    for number in range(1_000):
        sent_ms = now_ms + (1 if number % 2 else -1) * HOUR_S * 1000
        key, value = encoder.encode(load("CL", number, float(number)), now_ms * 1000 + number)
        raw.produce(road.topic, value, key, timestamp=sent_ms)
    raw.flush()
    with road.consumer(**shifted(road, by_s)) as consumer:
        until(lambda: road.released() == 1_000, "all of it is released")
        seen = consumer.metric("wattnet_consumer_last_insert_timestamp_seconds")
    assert abs(seen - time.time() - by_s) < 600, "the fault took place"
    road.assert_exact(1_000)


def test_a_producer_whose_clock_steps_back(road: Road) -> None:
    """Its later value is current all the same; another process, an hour behind, knew less and hides nothing."""

    def send(*words: str, clock_s: float) -> None:
        env = {**os.environ, **road.stack.env, "KAFKA_TOPIC": road.topic, **shifted(road, clock_s)}
        env["PYTHONPATH"] += os.pathsep + str(Path(__file__).parents[1])
        subprocess.run([sys.executable, "-c", SENDER, *words], env=env, check=True, timeout=60)

    send("1@0", "step", "2@0", clock_s=0)
    send("3@0", "5@1", clock_s=-HOUR_S)
    with road.consumer():
        until(lambda: road.released() == 4, "all of it is released")
    road.assert_exact(4)
    assert road.sql("SELECT value FROM current_metrics ORDER BY timestamp") == [(2.0,), (5.0,)]
    known = dict(road.sql("SELECT value, knowledge_time FROM metrics"))
    assert 0 < (known[2.0] - known[1.0]).total_seconds() < 600, "strictly increasing within a process"
    assert (known[1.0] - known[3.0]).total_seconds() > HOUR_S - 600, "the other clock is an hour behind"
