"""Messages made to break SQL, logs or terminals are rows or dead letters like any other, and nothing else happens."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile import CARELESS, TERMINAL_ORDERS, wire
from pydantic import ValidationError
from road import until

from wattnet.clickhouse import ClickHouseSettings
from wattnet.query import Client

if TYPE_CHECKING:
    from command import Command
    from road import Road

MANY = {f"label_{number}": "x" for number in range(10_000)}
STORED = [
    *(wire(labels={"zone": "ES", "note": text, "kind": kind}) for kind, text in CARELESS.items()),
    *(wire(labels={"zone": "ES", text: "x", "kind": kind}) for kind, text in CARELESS.items()),
    *(wire(name=text) for text in CARELESS.values()),
    *(wire(labels={"zone": text}, data_state=text, attributes={text: text}) for text in CARELESS.values()),
]
REFUSED = {
    "a label of 900 KB": (wire(labels={"zone": "ES", "note": "'" * 900_000}), "bad labels"),
    "a label's name of 900 KB": (wire(labels={"zone": "ES", "\x1b" * 900_000: ""}), "bad labels"),
    "a zone of 900 KB": (wire(labels={"zone": "\n" * 900_000}), "bad labels"),
    "a metric's name of 900 KB": (wire(name="n" * 900_000), "bad name"),
    "10,000 labels": (wire(labels={"zone": "ES", **MANY}), "bad labels"),
    "a label that is no UTF-8": (wire(labels={"zone": "EVIL"}).replace(b"EVIL", b"\xff\xfe\x1b\x80"), "bad labels"),
    "a name that is no UTF-8": (wire(name="EVIL").replace(b"EVIL", b"\xff\xfe\x1b\x80"), "bad name"),
    "a status of orders": (wire(zone_status=TERMINAL_ORDERS), "unknown zone_status"),
    "orders and no record": (TERMINAL_ORDERS.encode(), "unknown framing"),
    "a broken record of orders": (wire(name=TERMINAL_ORDERS)[:-3], "cannot be decoded"),
}
ORDERS = ("\x1b]0;owned", "\x1b[2J", "\u202e", "\x9b1m", "\b")


def send_all(road: Road) -> int:
    """Everything, under keys and headers of the same kind; returns how many messages."""
    raw = road.raw_producer()
    keys: list[bytes | str] = [*CARELESS.values(), b"\xff\xfe\x1b]0;owned\x07", b"\x00"]
    values = [*STORED, *(value for value, _ in REFUSED.values())]
    for number, value in enumerate(values):
        key = keys[number % len(keys)]
        raw.produce(road.topic, value, key, partition=number % 3, headers=[(TERMINAL_ORDERS, b"\xff\x1b[2J")])
    raw.flush()
    return len(values)


def test_hostile_messages_are_rows_or_dead_letters_and_log_lines_stay_lines(road: Road, wattnet: Command) -> None:
    messages = send_all(road)
    with road.consumer() as consumer:
        road.wait_stored(messages)
        until(lambda: road.released() == messages, "all of it is released")
    road.assert_exact(messages, refused=len(REFUSED))
    reasons = road.sql("SELECT reason, count() FROM dead_letters GROUP BY reason ORDER BY reason")
    expected = [reason for _, reason in REFUSED.values()]
    assert reasons == sorted((reason, expected.count(reason)) for reason in set(expected))
    assert len(road.sql("SHOW TABLES LIKE 'metrics%'")) == 3, "nothing was dropped"
    for line in consumer.logged().splitlines():
        entry = json.loads(line)
        assert entry["event"] != "a line of its own"
        assert len(line) < 20_000, "no message is printed whole"
    assert not [order for order in ORDERS if order in consumer.logged()]
    with Client(road.stack.clickhouse_url, database=road.name) as client:
        assert set(CARELESS.values()) < set(client.names())
        found = client.metrics("zone_load", zone=TERMINAL_ORDERS, start="1970-01-01T00:00Z").to_list()
        assert [metric.labels["zone"] for metric in found] == [TERMINAL_ORDERS]
        for kind, text in CARELESS.items():
            assert len(client.metrics("zone_load", kind=kind, note=text, start="1970-01-01T00:00Z").to_list()) == 1


TESTS = str(Path(__file__).parents[1])
LOGGING = """
import logging
from hostile import TERMINAL_ORDERS
from wattnet.cli._logging import log_to_stderr
log_to_stderr("DEBUG")
logger = logging.getLogger("test")
logger.error("said %s\\nnext", TERMINAL_ORDERS, extra={"label": TERMINAL_ORDERS})
try:
    raise ValueError(TERMINAL_ORDERS)
except ValueError:
    logger.exception("raised")
"""


def test_a_log_on_a_terminal_gives_no_orders() -> None:
    """It has colours of its own, and nothing of what texts, values and exceptions would like to add."""
    master, slave = pty.openpty()
    logging = subprocess.Popen([sys.executable, "-c", LOGGING], stderr=slave, env={**os.environ, "PYTHONPATH": TESTS})
    os.close(slave)
    shown = bytearray()
    with suppress(OSError):  # the other side was closed
        while piece := os.read(master, 1 << 16):
            shown.extend(piece)
    os.close(master)
    assert logging.wait(60) == 0
    text = shown.decode()
    assert text.count("owned") == 3, "all three were shown"
    assert "\\x1b]0;owned" in text
    assert not [order for order in ORDERS if order in text]
    assert len([line for line in text.splitlines() if "said" in line and "next" in line]) == 1


def test_a_log_for_machines_is_one_line_an_entry() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": TESTS},
    )
    said, raised = (json.loads(line) for line in done.stderr.splitlines())
    assert (said["event"], said["label"]) == (f"said {TERMINAL_ORDERS}\nnext", TERMINAL_ORDERS)
    assert TERMINAL_ORDERS in raised["exception"]
    assert not [order for order in ORDERS if order in done.stderr]


def test_settings_that_no_terminal_should_show_are_refused(wattnet: Command) -> None:
    """Each of them is named, in a line without their orders; a host that is a URL is not shown, for its password."""
    orders = TERMINAL_ORDERS[:-1]  # the environment takes no NUL
    wrong = {
        "KAFKA_TOPIC": orders,
        "KAFKA_GROUP_ID": orders,
        "KAFKA_BOOTSTRAP_SERVERS": orders,
        "CLICKHOUSE_DATABASE": orders,
        "CLICKHOUSE_USER": orders,
        "CLICKHOUSE_HOST": "http://user:secret@host/",
    }
    done = wattnet("init", env=wrong)
    assert done.returncode == 78
    assert "6 settings are wrong" in done.stderr
    assert [variable for variable in wrong if variable not in done.stderr] == []
    assert not [order for order in (*ORDERS, "secret") if order in done.stderr]


@pytest.mark.parametrize("name", ['a"; DROP DATABASE default; --', "a`", "a'", "a\\"])
def test_a_database_name_that_has_to_be_escaped_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no quotes and no backslashes"):
        ClickHouseSettings(database=name)


def test_a_database_name_is_only_a_name(road: Road, wattnet: Command) -> None:
    """It is quoted wherever it is used: made, filled, proved."""
    name = f"{road.name}; DROP DATABASE {road.name}; -- {{topic:String}} %s"
    env = {
        **road.stack.env,
        "KAFKA_TOPIC": road.topic,
        "KAFKA_GROUP_ID": road.group,
        "CLICKHOUSE_DATABASE": name,
        "WATTNET_FLUSH_INTERVAL_S": "0.2",
    }
    road.send(10)
    try:
        done = wattnet("init", env=env)
        assert done.returncode == 0, done.stderr
        consumer = wattnet.consumer(env)
        until(lambda: road.one(f"SELECT sum(messages) FROM `{name}`.ledger") == 10, "stored")
        assert consumer.terminate() == 0, consumer.logged()
        done = wattnet("verify", env=env)
        assert "exactly once (10 messages)" in done.stdout, done.stderr
    finally:
        road.client.command(f"DROP DATABASE IF EXISTS `{name}`")
    assert road.one("SELECT count() FROM ledger") == 0, "the road's own is there, and untouched"
