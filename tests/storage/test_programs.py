"""Programs written for 1.0 and 1.1, unmodified: the example of its README, and a reader in wattnet-api's manner."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from wattnet.storage import MetricsRepository, StorageConfig
from wattnet.storage.models import Metric, MetricType

if TYPE_CHECKING:
    from pathlib import Path

    from command import Command
    from road import Road

UTC = timezone.utc

EXAMPLE_OF_1_0 = """
from datetime import datetime

from wattnet.storage.models import Metric, MetricType
from wattnet.storage.repository import MetricsRepository

repository = MetricsRepository()
repository.write_metrics(
    [
        Metric(
            metric_type=MetricType.ZONE_GENERATION,
            value=1500.0,
            timestamp=datetime.now(),
            metadata={"zone": "ES", "source": "solar"},
        ),
        Metric(MetricType.ZONE_GENERATION, 0.0042, datetime(2025, 1, 1, 12), {"zone": "ES", "source": "solar"}),
    ]
)
"""
READING_OF_1_0 = """
from datetime import datetime
from wattnet.storage.repository import MetricsRepository

results = MetricsRepository().query_metrics(
    metric_name="zone_generation", start=datetime(2025, 1, 1), end=datetime(2025, 1, 2), labels={"zone": "ES"}
)
print([(metric.value, metric.timestamp.isoformat(), metric.metadata["source"]) for metric in results])
"""


def test_the_example_of_1_0_runs_through_kafka(road: Road, wattnet: Command) -> None:
    """Everything is in `config/.env.development`; what it writes is stored by a consumer."""
    settings = road.clickhouse
    (wattnet.folder / "config").mkdir()
    (wattnet.folder / "config" / ".env.development").write_text(
        'STORAGE_CLIENTS=["kafka"]\nTIMESERIES_STEP_MINUTES=60\n'
        f"CLICKHOUSE_HOST={settings.host}\nCLICKHOUSE_PORT={settings.port}\nDATABASE={road.name}\n"
        f"KAFKA_BOOTSTRAP_SERVERS={road.stack.bootstrap_servers}\nKAFKA_TOPIC={road.topic}\n"
        'LOG_HANDLERS=["console", "file"]\n'
    )

    def run(text: str) -> str:
        program = wattnet.folder / "program.py"
        program.write_text(text)
        done = wattnet(program=program)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("NaiveTimestampWarning") == 2
        assert "Traceback" not in done.stderr
        assert "INFO wattnet.storage" in done.stderr
        return done.stdout

    with road.consumer():
        assert run(EXAMPLE_OF_1_0) == ""
        road.wait_stored(2)
    assert run(READING_OF_1_0) == "[(0.0042, '2025-01-01T12:00:00+00:00', 'solar')]\n"
    log = (wattnet.folder / "logs" / "wattnet-storage.log").read_text()
    assert "storage client 'kafka' is ready" in log
    [(stored, value)] = road.sql("SELECT timestamp, value FROM metrics WHERE value > 1")
    assert value == 1500.0
    assert abs(stored.replace(tzinfo=None) - datetime.now()) < timedelta(minutes=5)  # noqa: DTZ005  as the example does


LIKE_WATTNET_API = """
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from wattnet.storage import MetricsRepository, StorageConfig
from wattnet.storage.models import Metric
from wattnet.storage.repository import MetricsRepository as SameRepository
from wattnet.storage.utils.plugin_loader import get_storage_clients_extensions

plugin_settings = {
    name: cls.config_class(_env_file=["/etc/wattnet/api.env", ".env"])
    for name, cls in get_storage_clients_extensions().items()
    if hasattr(cls, "config_class")
}
config = StorageConfig(
    timeseries_step_minutes=15,
    storage_clients=["clickhouse"],
    plugin_configs={name: settings.model_dump() for name, settings in plugin_settings.items()},
)
repository = MetricsRepository(config)
assert SameRepository is MetricsRepository
start = datetime(2025, 3, 1, tzinfo=timezone.utc)
questions = {
    "zone_load": {"zone": "PT"},
    "zone_generation": {"zone": "PT", "production_type": "solar"},
    "zone_import": {"zone": "PT", "from": "ES"},
    "zone_export": {"zone": "PT", "to": "ES"},
    "factor": {"factor_type": "carbon", "scope": "life-cycle"},
    "flow_share": {"zone": "PT", "target": "ES"},
    "mix_share": {"zone": "PT", "source": "ES"},
    "global_impact": {"zone": "PT", "impact_type": "water", "scope": "operational"},
}


def ask(name):
    return repository.query_metrics(
        metric_name=name, start=start, end=start + timedelta(hours=1), labels=questions[name]
    )


with ThreadPoolExecutor(4) as pool:
    answers = dict(zip(questions, pool.map(ask, questions)))
assert all(isinstance(metric, Metric) for metrics in answers.values() for metric in metrics)
assert repository.query_metrics(metric_name="zone_load", start=None, end=None, labels={}) == []
print(json.dumps({name: [metric.to_dict() for metric in metrics] for name, metrics in answers.items()}))
"""


def test_a_reader_in_the_manner_of_wattnet_api(
    plugin_configs: dict[str, Any], wattnet: Command, tmp_path: Path
) -> None:
    t0 = datetime(2025, 3, 1, tzinfo=UTC)
    measured = {"zone": "PT", "unit": "MW", "datasource": "ENTSO-E", "data_state": "official", "valid": True}
    factor: dict[str, Any] = {"factor_type": "carbon", "scope": "life-cycle", "production_type": "solar"}
    factor |= {"source": "IPCC", "source_link": "https://example.org/ar6", "unit": "gCO2/kWh", "year": 2014}
    with MetricsRepository(StorageConfig(15, ["clickhouse"], plugin_configs)) as repository:
        repository.write_metrics(
            [
                Metric(MetricType.ZONE_LOAD, 3.14159, t0 + timedelta(minutes=15), dict(measured)),
                Metric(MetricType.ZONE_GENERATION, 1.0, t0, {**measured, "production_type": "solar", "valid": False}),
                Metric(MetricType.ZONE_GENERATION, 9.0, t0, {**measured, "production_type": "wind_onshore"}),
                Metric(MetricType.ZONE_IMPORT, 2.0, t0, {**measured, "from": "ES", "zone_status": "preview"}),
                Metric(MetricType.ZONE_EXPORT, 3.0, t0, {**measured, "to": "ES"}),
                Metric(MetricType.FACTOR, 45.5, t0, factor),
                Metric(MetricType.FLOW_SHARE, 12.5, t0, {"zone": "PT", "target": "ES", "unit": "%"}),
                Metric(MetricType.MIX_SHARE, 12.5, t0, {"zone": "PT", "source": "ES"}),
            ]
        )
    address = {f"CLICKHOUSE_{name.upper()}": str(value) for name, value in plugin_configs["clickhouse"].items()}
    program = tmp_path / "reader.py"
    program.write_text(LIKE_WATTNET_API)
    done = wattnet(program=program, env=address)
    assert (done.stderr, done.returncode) == ("", 0)
    answers = json.loads(done.stdout)
    assert [(name, [metric["value"] for metric in metrics]) for name, metrics in answers.items()] == [
        ("zone_load", [3.14159]),
        ("zone_generation", [1.0]),
        ("zone_import", [2.0]),
        ("zone_export", [3.0]),
        ("factor", [45.5]),
        ("flow_share", [12.5]),
        ("mix_share", [12.5]),
        ("global_impact", []),
    ]
    said = {name: metrics[0]["metadata"] for name, metrics in answers.items() if metrics}
    assert answers["zone_load"][0]["timestamp"] == "2025-03-01T00:15:00+00:00"
    assert said["zone_load"] == {**measured, "valid": "true", "zone_status": "complete"}
    assert said["zone_generation"]["valid"] == "false"
    assert (said["zone_import"]["from"], said["zone_import"]["zone_status"]) == ("ES", "preview")
    assert said["zone_export"]["to"] == "ES"
    assert said["factor"] == {**factor, "valid": "true", "zone_status": "complete"}
    assert type(said["factor"]["year"]) is int
    assert said["mix_share"]["unit"] == "unknown"
