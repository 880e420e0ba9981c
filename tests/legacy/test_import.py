"""What wattnet-storage 1.x holds comes into the new tables: all of it, once, and what does not is said."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from old_tables import OldDatabase
from road import until
from tables import make_tables
from warm_process import WarmProcess

from wattnet.clickhouse import ClickHouseSettings, connect
from wattnet.legacy import LegacyDatabaseError, TableReport, import_legacy
from wattnet.legacy._import import _asking
from wattnet.legacy._slices import cut
from wattnet.legacy._survey import look_through
from wattnet.legacy._tables import find_tables
from wattnet.query import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client as Driver
    from clickhouse_proxy import ClickHouseProxy
    from command import Command

    from wattnet.local import LocalStack

UTC = timezone.utc
T0 = datetime(2025, 1, 31, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
WRITTEN = datetime(2025, 6, 1, 12, 30, 15, tzinfo=UTC)
MW = {"unit": "MW", "valid": "True", "zone": "ES", "zone_status": "complete", "updated_at": WRITTEN}
PHYSICAL = ("metrics", "newest", "series", "ledger", "dead_letters", "label_values")


class Place:
    """Old and new tables of a test, in one database or as on two servers."""

    def __init__(self, stack: LocalStack, *, one_server: bool) -> None:
        name = f"legacy_{uuid.uuid4().hex[:8]}"
        self.target = ClickHouseSettings.from_url(stack.clickhouse_url, database=name)
        # By another name it is another server.
        elsewhere = {"database": f"{name}_old", "host": "localhost"}
        self.source = self.target if one_server else self.target.model_copy(update=elsewhere)
        make_tables(self.target)
        self.stack = stack
        self.one_server = one_server
        self.driver: Driver = connect(self.target)
        self.old = OldDatabase(self.driver, self.source.database)

    def run(self, **options: Any) -> dict[str, TableReport]:
        return {report.table: report for report in import_legacy(self.source, self.target, **options)}

    def physical(self) -> list[int]:
        """Rows of every table, without FINAL."""
        return [self.driver.query(f"SELECT count() FROM {table}").result_rows[0][0] for table in PHYSICAL]


@pytest.fixture(params=[True, False], ids=["one database", "two servers"])
def place(wattnet_stack: LocalStack, request: pytest.FixtureRequest) -> Iterator[Place]:
    place = Place(wattnet_stack, one_server=request.param)
    yield place
    for database in dict.fromkeys((place.source.database, place.target.database)):
        place.driver.command(f"DROP DATABASE IF EXISTS {database}")
    place.driver.close()


def test_all_that_1_x_shows_is_carried_once_and_the_rest_is_reported(place: Place) -> None:
    """Both generations of tables; values, labels, quality and times as they were; what cannot be carried is named."""
    old = place.old
    old.create("zone_generation")
    solar = {**MW, "datasource": "entsoe", "production_type": "solar", "data_state": "final"}
    old.put("zone_generation", {**solar, "timestamp": T0, "value": 1500.1})
    old.put("zone_generation", {**solar, "timestamp": T0 + HOUR, "value": 1.0})
    later = {**solar, "timestamp": T0 + HOUR, "updated_at": WRITTEN + HOUR}
    old.put("zone_generation", {**later, "value": 0.0042, "valid": "False", "zone_status": "preview"})
    old.put("zone_generation", {"timestamp": T0 + 3 * HOUR, "value": 7.0, "zone": "PT", "updated_at": WRITTEN})
    old.create("zone_import", but={"tags": "Array(String)", "rank": "String"})
    imports = {**MW, "from_zone": "FR", "tags": [], "rank": ""}
    oddities: list[dict[str, Any]] = [
        {"value": float("nan")},
        {"zone": ""},
        {"valid": "maybe"},
        {"zone_status": "half"},
        {"timestamp": datetime(2070, 1, 1, tzinfo=UTC)},
        {"updated_at": datetime.now(UTC) + timedelta(days=3)},
        {"tags": ["x"], "rank": "first", "value": 3.0},
    ]
    for number, odd in enumerate(oddities):
        old.put("zone_import", {**imports, "timestamp": T0 + number * HOUR, **odd})
    # As 1.0 has it: doubles, a column that 1.1 no longer has; and none of the time of writing.
    old.create("local_score", but={"value": "Float64", "score_type": "String", "updated_at": None})
    old.put("local_score", {"timestamp": T0, "value": 1e-9, "score_type": "green", "scope": "lca", "zone": "ES"})
    old.create("factor")
    factor = {"factor_type": "emission", "production_type": "solar", "scope": "lca", "unit": "g/kWh"}
    linked = {"timestamp": T0, "value": 41.0, "source": "ipcc", "source_link": "https://ipcc.ch", "updated_at": WRITTEN}
    old.put("factor", {**factor, **linked, "year": 2021}, {**factor, **linked, "source": "own", "year": None})
    old.create("zone_load")

    before = place.physical()
    assert {name: one.carried for name, one in place.run(dry_run=True).items()} == {
        "zone_generation": 3,
        "zone_import": 1,
        "local_score": 1,
        "factor": 2,
        "zone_load": 0,
    }
    assert place.physical() == before, "a dry run stores nothing"

    reports = place.run()
    assert (reports["zone_generation"].rows, reports["zone_generation"].replaced) == (3, 1)
    assert reports["zone_generation"].assumed == (
        ("they do not say whether they are valid: taken as valid", 1),
        ("they have no zone_status: taken as complete", 1),
        ("their values are Float32: each is taken as the shortest decimal that it stands for, such as 214.17", 3),
    )
    assert reports["local_score"].assumed[-1] == (
        "they do not say when they were written: taken as known at their timestamps",
        1,
    )
    assert {one.reason: one.rows for one in reports["zone_import"].rows_left_out} == {
        "value not finite": 1,
        "no zone": 1,
        "valid is neither true nor false": 1,
        "unknown zone_status": 1,
        "timestamp out of range": 1,
        "updated_at out of range": 1,
    }
    [no_zone] = [one for one in reports["zone_import"].rows_left_out if one.reason == "no zone"]
    assert no_zone.example == (
        "2025-01-31 23:00:00.000000 0 {'from':'FR','unit':'MW'} valid=true zone_status=complete "
        "updated_at=2025-06-01 12:30:15.000000"
    )
    assert [(one.reason, one.rows) for one in reports["zone_import"].columns_left_out] == [
        ("column tags: Array(String) is neither a text nor a whole number", 1),
        ("column rank: a label cannot have the name of a column", 1),
    ]
    assert not reports["zone_import"].complete
    assert reports["factor"].complete

    with Client(place.target.address, database=place.target.database) as client:
        window = {"start": T0 - HOUR, "end": T0 + 24 * HOUR}
        first, second, third = client.metrics("zone_generation", **window).to_list()
        assert (first.value, first.timestamp, first.knowledge_time) == (1500.1, T0, WRITTEN)
        assert dict(first.labels) == {"datasource": "entsoe", "production_type": "solar", "unit": "MW", "zone": "ES"}
        assert (first.valid, first.zone_status, first.data_state) == (True, "complete", "final")
        assert second.value == 0.0042
        assert (second.valid, second.zone_status, second.knowledge_time) == (False, "preview", WRITTEN + HOUR)
        assert (dict(third.labels), third.valid, third.zone_status) == ({"zone": "PT"}, True, "complete")
        [imported] = client.metrics("zone_import", **window).to_list()
        assert dict(imported.labels) == {"from": "FR", "unit": "MW", "zone": "ES"}
        [score] = client.metrics("local_score", **window).to_list()
        assert (score.value, score.knowledge_time) == (1e-9, T0)
        assert dict(score.labels) == {"scope": "lca", "score_type": "green", "zone": "ES"}
        by_source = {
            one.labels["source"]: one for one in client.metrics("factor", **window).with_attributes().to_list()
        }
        assert by_source["ipcc"].labels["year"] == "2021"
        assert "year" not in by_source["own"].labels
        assert dict(by_source["ipcc"].attributes) == {"source_link": "https://ipcc.ch"}

    stored = place.physical()
    again = place.run()
    assert sum(one.carried for one in again.values()) == 0
    assert {name: one.present for name, one in again.items()} == {name: one.carried for name, one in reports.items()}
    assert place.physical() == stored
    # As every direct writer's: numbered from 0, claimed whole, and nothing is a dead letter.
    ledger = (
        "SELECT claim_first, claim_next, claim_messages, first_offset, last_offset + 1, messages, refused FROM ledger"
    )
    for row in place.driver.query(f"{ledger} WHERE claim_messages > 0").result_rows:
        assert row == (0, row[1], row[1], 0, row[1], row[1], 0)
    assert stored[PHYSICAL.index("dead_letters")] == 0


def test_a_killed_import_is_resumed_and_what_came_since_is_brought(
    place: Place, proxy: ClickHouseProxy, tmp_path: Path, wattnet: Command
) -> None:
    """SIGKILL between an acknowledged insert and its mark; then a last run brings only what 1.x wrote meanwhile."""
    old = place.old
    old.create("zone_load")
    months = [datetime(2025, month, 10, tzinfo=UTC) for month in (1, 2, 3)]
    load = {**MW, "datasource": "entsoe"}
    rows = [{**load, "timestamp": month + hour * HOUR, "value": hour / 7} for month in months for hour in range(50)]
    old.put("zone_load", *rows)
    env = {**wattnet.environment(proxy.env), "CLICKHOUSE_DATABASE": place.target.database}
    here = [] if place.one_server else ["--from", f"{place.source.address}/{place.source.database}"]

    second = proxy.hold_next_insert("response", cut_topic_ids(place)[1])
    killed = WarmProcess(["import-legacy", *here], env=env, stderr=tmp_path / "stderr")
    until(second.reached.is_set, "the second month is stored")
    killed.kill()
    killed.wait(10)
    second.drop()
    assert place.driver.query("SELECT count() FROM metrics").result_rows == [(100,)]

    report = place.run()["zone_load"]
    assert (report.rows, report.carried, report.present) == (150, 100, 50), "the second month was not known to be done"
    assert place.driver.query("SELECT count(), uniqExact(topic_id, offset) FROM metrics").result_rows == [(150, 150)]
    assert place.physical()[1:3] == [3, 3], "a row a series and insert"
    assert place.physical()[PHYSICAL.index("ledger")] == 6, "three claims, three marks"

    revised = {**load, "timestamp": months[0], "value": 9.0, "updated_at": WRITTEN + HOUR}
    fresh = {**load, "timestamp": months[0] + timedelta(days=5), "value": 1.0}
    odd = {**load, "timestamp": months[1], "value": float("inf"), "zone": "PT"}
    old.put("zone_load", revised, fresh, odd)
    assert place.run(dry_run=True)["zone_load"].carried == 2
    last = wattnet("import-legacy", *here, env={**place.stack.env, "CLICKHOUSE_DATABASE": place.target.database})
    assert last.returncode == 1, last.stderr
    assert re.search(r"^zone_load +152 +2 +149 +1$", last.stdout, re.MULTILINE), last.stdout
    assert "zone_load: value not finite: 1 row\n    such as 2025-02-10 00:00:00.000000 inf" in last.stdout
    assert place.driver.query("SELECT count(), uniqExact(topic_id, offset) FROM metrics").result_rows == [(152, 152)]
    with Client(place.target.address, database=place.target.database) as client:
        shown = client.metrics("zone_load", start=months[0], end=months[2] + timedelta(days=5)).to_list()
    assert [one.value for one in shown][:2] == [9.0, pytest.approx(1 / 7)]
    assert len(shown) == 151
    assert place.run()["zone_load"].carried == 0


def cut_topic_ids(place: Place) -> list[str]:
    """The slices of zone_load, in their order."""
    [table] = find_tables(place.driver, place.source.database, "")
    return [part.topic_id for part in look_through(place.driver, table).slices]


def test_what_stops_an_import_is_said(wattnet_stack: LocalStack, wattnet: Command) -> None:
    env = {**wattnet_stack.env, "CLICKHOUSE_DATABASE": "wattnet"}
    nothing = wattnet("import-legacy", "--database", "default", "--dry-run", env=env)
    assert nothing.returncode == 78
    assert "database 'default'" in nothing.stderr
    assert "no table of wattnet-storage 1.x" in nothing.stderr
    missing = wattnet("import-legacy", "--database", "nowhere", "--dry-run", env=env)
    assert missing.returncode == 78
    assert "no database 'nowhere': name the one of 1.x with --database" in missing.stderr
    away = wattnet("import-legacy", "--from", "http://127.0.0.1:9/wattnet", env=env)
    assert (away.returncode, away.stdout) == (69, "")
    assert wattnet("import-legacy", "--from", "clickhouse://there", env=env).returncode == 2


def test_a_refusal_names_the_users_and_the_databases_that_it_concerns() -> None:
    old, new = (ClickHouseSettings.from_url(f"http://reader@{name}:8123/{name}") for name in ("old", "new"))
    denied = DatabaseError("Not enough privileges", code=497)
    with (
        pytest.raises(LegacyDatabaseError, match=r"rights of user 'reader' in database 'old' at http://old:8123$"),
        _asking(old),
    ):
        raise denied
    with (
        pytest.raises(LegacyDatabaseError, match=r"database 'old' at .* and database 'new' at http://new:8123$"),
        _asking(old, new),
    ):
        raise denied


def test_slices_are_months_and_smaller_where_there_is_more() -> None:
    """A month, a day, an hour; each named by where it is and what is in it."""
    first = int(datetime(2025, 1, 31, 22, tzinfo=UTC).timestamp()) // 3600
    hours = {first: (6, 5), first + 1: (7, 2**64 - 1), first + 2: (4, 1), first + 30: (5, 1), first + 24 * 40: (10, 3)}
    parts = cut("zone_load", hours, max_rows=10)
    spans = [(part.start - T0, part.end - part.start, part.rows, part.hash) for part in parts]
    day = 24 * HOUR
    assert spans == [
        (0 * HOUR, HOUR, 6, 5),
        (HOUR, HOUR, 7, 2**64 - 1),
        (2 * HOUR, 28 * day, 9, 2),
        (28 * day + 2 * HOUR, 31 * day, 10, 3),
    ]
    assert len({part.topic_id for part in parts}) == 4
    assert cut("zone_load", hours, max_rows=10) == parts
    assert cut("zone_load", {first: (13, 5)})[0].hash == 5
    more = {**hours, first: (6, 4)}
    assert [part.topic_id for part in cut("zone_load", more, max_rows=10)][1:] == [part.topic_id for part in parts][1:]
