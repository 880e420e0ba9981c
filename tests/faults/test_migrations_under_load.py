"""Migrations are taken back and applied again while a consumer stores: nothing is lost, in no table."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from road import until

from wattnet.clickhouse import migrate_down, migrate_up, migration_status

if TYPE_CHECKING:
    from road import Road


def test_back_and_forth_beside_a_running_consumer(road: Road) -> None:
    """Down to the tables before `newest` and up again; assert_exact holds `newest` against what is in metrics."""
    enough = Event()
    sent = 0

    def send() -> None:
        nonlocal sent
        while not enough.wait(0.05):
            road.send(100, first=sent)
            sent += 100

    sender = Thread(target=send)
    with road.consumer() as consumer:
        road.send(100, first=1_000_000)
        road.wait_stored(100)
        sender.start()
        try:
            newest = migration_status(road.clickhouse)[-1].version
            taken_back = migrate_down(road.clickhouse, steps=newest - 6)
            before = road.one("SELECT sum(messages) FROM ledger")
            until(lambda: road.one("SELECT sum(messages) FROM ledger") > before, "it goes on without them")
            applied = [one.version for one in migrate_up(road.clickhouse)]
        finally:
            enough.set()
            sender.join()
        assert taken_back == sorted(applied, reverse=True)
        until(lambda: road.released() == sent + 100, "all of it is released")
        assert consumer.process.poll() is None, consumer.logged()
    road.assert_exact(sent + 100)
