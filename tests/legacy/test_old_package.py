"""With the real wattnet-storage 1.1 from PyPI, when it is asked for: `pytest tests/legacy --old-package`.

What old_tables.py says of 1.1 is held against it, and what it writes is carried.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from old_tables import COLUMNS, KEYS, columns_of

from wattnet.clickhouse import ClickHouseSettings, connect, migrate_up
from wattnet.legacy import import_legacy
from wattnet.query import Client

if TYPE_CHECKING:
    from pathlib import Path

    from wattnet.local import LocalStack

AT = datetime(2025, 3, 1, tzinfo=timezone.utc)
PROGRAM = """
import sys
import time
from datetime import datetime, timezone
from wattnet.storage import MetricsRepository, StorageConfig
from wattnet.storage.models import Metric
from wattnet.storage.models.metric_type import MetricType

host, port, database = sys.argv[1:]
plugin = {"host": host, "port": int(port), "database": database}
repository = MetricsRepository(StorageConfig(storage_clients=["clickhouse"], plugin_configs={"clickhouse": plugin}))
at = datetime(2025, 3, 1, tzinfo=timezone.utc)
quality = {"unit": "MW", "valid": False, "zone": "ES", "zone_status": "preview"}
repository.write_metrics([
    Metric(MetricType.ZONE_IMPORT, 12.5, at, {**quality, "from": "FR", "datasource": "entsoe"}),
    Metric(MetricType.FACTOR, 41, at, {"factor_type": "emission", "source_link": "https://ipcc.ch", "year": 2021}),
    Metric(MetricType.ZONE_LOAD, float("nan"), at, {"zone": "ES"}),
])
# Its flush() gives up after ten seconds, and what is not stored at the end is lost.
deadline = time.monotonic() + 120
while time.monotonic() < deadline and not repository.query_metrics("zone_load", start=at, end=at):
    time.sleep(0.1)
"""


@pytest.mark.timeout(600)
def test_what_1_1_makes_and_writes(wattnet_stack: LocalStack, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--old-package"):
        pytest.skip("installs wattnet-storage 1.1 from PyPI: give --old-package")
    name = f"legacy_{uuid.uuid4().hex[:8]}"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, "wattnet-storage==1.1.0", "lz4"], check=True)
    address = [wattnet_stack.env["CLICKHOUSE_HOST"], wattnet_stack.env["CLICKHOUSE_PORT"]]
    subprocess.run([python, "-c", PROGRAM, *address, name], check=True, cwd=tmp_path)

    settings = ClickHouseSettings.from_url(wattnet_stack.clickhouse_url, database=name)
    with connect(settings) as driver:
        for table in COLUMNS:
            columns = driver.query(
                "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String} "
                "ORDER BY position",
                parameters={"database": name, "table": table},
            )
            assert [tuple(row) for row in columns.result_rows] == [*columns_of(table).items()]
            keys = driver.query(
                "SELECT engine_full, sorting_key FROM system.tables "
                "WHERE database = {database:String} AND name = {table:String}",
                parameters={"database": name, "table": table},
            )
            [(engine, key)] = keys.result_rows
            assert engine.startswith("ReplacingMergeTree(updated_at)")
            assert key == KEYS[table]
        migrate_up(settings)
        reports = {report.table: report for report in import_legacy(settings, settings)}
        assert len(reports) == 16
        assert {table: report.carried for table, report in reports.items() if report.rows} == {
            "zone_import": 1,
            "factor": 1,
            "zone_load": 0,
        }
        assert [one.reason for one in reports["zone_load"].rows_left_out] == ["value not finite"]
        with Client(settings.address, database=name) as client:
            window = {
                "start": datetime(2025, 3, 1, tzinfo=timezone.utc),
                "end": datetime(2025, 3, 2, tzinfo=timezone.utc),
            }
            [imported] = client.metrics("zone_import", **window).to_list()
            [factor] = client.metrics("factor", **window).with_attributes().to_list()
        driver.command(f"DROP DATABASE {name}")
    assert (imported.value, imported.valid, imported.zone_status) == (12.5, False, "preview")
    assert dict(imported.labels) == {"datasource": "entsoe", "from": "FR", "unit": "MW", "zone": "ES"}
    assert dict(factor.labels) == {"factor_type": "emission", "year": "2021"}
    assert dict(factor.attributes) == {"source_link": "https://ipcc.ch"}
