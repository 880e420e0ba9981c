"""One namespace from many folders: what every tool must be told about each of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
# The parts that are there, not those that a list remembers.
PARTS = sorted(folder.name for folder in ROOT.glob("*/wattnet/*") if (folder / "__init__.py").exists())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

PUBLIC_NAMES = {
    "cli": ["main"],
    "clickhouse": [
        "BLOCK_ROWS",
        "INSERT_SETTINGS",
        "ClickHouseSettings",
        "ClickHouseUnavailableError",
        "DatabaseMissingError",
        "Migration",
        "MigrationError",
        "StorageError",
        "connect",
        "heals",
        "migrate_down",
        "migrate_up",
        "migration_status",
        "require_migrated",
        "secret_from_file",
    ],
    "consumer": [
        "BatchSettings",
        "ConfigurationError",
        "ConsumerError",
        "DeadLetter",
        "DeadLetterError",
        "DeadLetters",
        "DecodedField",
        "Diagnosis",
        "Examined",
        "Fault",
        "FeedingGroup",
        "Finding",
        "GroupLag",
        "HttpSettings",
        "KafkaEnginePartition",
        "KafkaEngineStatus",
        "KafkaSettings",
        "LetterAddress",
        "LetterFilter",
        "LetterHead",
        "Member",
        "Outgoing",
        "PartitionLag",
        "PartitionProof",
        "Problem",
        "ReasonCount",
        "Replay",
        "Replayed",
        "ServiceUnavailableError",
        "Settings",
        "TopicChangedError",
        "UnsafeToContinueError",
        "Verdict",
        "consume",
        "examine",
        "examine_letters",
        "kafka_engine_off",
        "kafka_engine_on",
        "kafka_engine_status",
        "measure_lag",
        "printable",
        "require_access",
        "verify",
    ],
    "examples": ["US_GRID_2022_EMPTY_CELLS", "US_GRID_2022_METRICS", "US_GRID_2022_ZONES", "us_grid_2022"],
    "legacy": ["LeftOut", "LegacyDatabaseError", "LegacyInterruptedError", "TableReport", "import_legacy"],
    "local": [
        "DataFolderInUseError",
        "DownloadError",
        "LocalStack",
        "LocalStackError",
        "MissingExtraError",
        "PortInUseError",
        "Service",
        "ServiceFailedError",
        "run_until_stopped",
        "stop_stack",
    ],
    "producer": [
        "AsyncProducer",
        "BrokerUnreachableError",
        "ClockError",
        "ConflictingValuesError",
        "ConflictingValuesWarning",
        "Delivery",
        "DeliveryError",
        "FlushResult",
        "FlushTimeoutError",
        "ForkedProducerError",
        "FrameError",
        "MemoryProducer",
        "NotDeliveredError",
        "Producer",
        "ProducerClosedError",
        "ProducerConfigError",
        "ProducerError",
        "ProducerStatistics",
        "QueueFullError",
        "SchemaRegistryError",
        "SchemaRegistryUnreachableError",
        "SendError",
        "Spool",
        "SpoolError",
        "SpoolInUseError",
        "TopicCreationError",
        "VisibilityError",
        "VisibilityTimeoutError",
        "create_topic",
    ],
    "producer.columns": ["send_columns"],
    "producer.kafka_log": ["KafkaLog", "reason"],
    "producer.security": ["KafkaConnection", "producer_arguments", "security_options"],
    "query": [
        "AccessError",
        "AnswerError",
        "AsyncClient",
        "AsyncFollow",
        "AsyncQuery",
        "BalanceInterval",
        "Change",
        "ClickHouseUnavailableError",
        "Client",
        "DatabaseMissingError",
        "ExchangeInterval",
        "FilterError",
        "Follow",
        "ForecastAccuracy",
        "Gap",
        "IncompleteBucketWarning",
        "InferredResolutionWarning",
        "MemoryLimitError",
        "MissingExtraError",
        "Query",
        "QueryError",
        "QuestionError",
        "ResumeError",
        "Revised",
        "RowLimitError",
        "SchemaTooOldError",
        "Series",
        "StorageError",
        "Table",
        "TimeError",
        "TimeLimitError",
        "UnitError",
        "UnknownLabelError",
        "UnknownNameError",
        "UnknownValueWarning",
        "UnpairedForecastWarning",
        "parse_time",
    ],
    "query.columns": ["Answer", "Text", "read_columns"],
    "schemas": [
        "ATTRIBUTE_LABEL_NAMES",
        "KNOWN_LABELS",
        "KNOWN_NAMES",
        "KNOWN_UNITS",
        "LABELS_BY_TYPE",
        "METRIC_FINGERPRINT",
        "METRIC_SCHEMA_JSON",
        "QUALITY_LABEL_NAMES",
        "RESAMPLED_COLUMNS",
        "RESERVED_LABEL_NAMES",
        "ZONED_METRIC_NAMES",
        "ZONE_STATUSES",
        "AttributeValueError",
        "DecodeError",
        "KnownLabel",
        "KnownName",
        "KnownUnit",
        "LabelError",
        "LabelWarning",
        "Metric",
        "MetricEncoder",
        "MetricError",
        "MetricNameError",
        "MetricTimeError",
        "MetricType",
        "MetricValueError",
        "MissingLabelError",
        "NaiveTimeError",
        "QualityError",
        "ReservedLabelError",
        "TimeRangeError",
        "TypoWarning",
        "WattnetError",
        "canonical_labels",
        "confluent_header",
        "decode_metric",
        "for_caller",
        "schema_fingerprint",
        "shipped_schemas",
        "single_object_header",
        "suggest",
        "to_knowledge_time_us",
        "warn_caller",
    ],
    "schemas.columns": ["ColumnEncoder", "knowledge_times_refused", "timestamps_refused"],
    "schemas.outage": ["Outage"],
    "schemas.points": ["Earlier", "PointValues", "all_apart", "revisions_of"],
    "schemas.progress": ["Progress"],
    "schemas.secrets": ["secret_from_file"],
    "storage": [
        "BaseStorageClient",
        "ClientNotInstalledError",
        "ConfigurationError",
        "Failure",
        "MetricsRepository",
        "NaiveTimestampWarning",
        "NotReadyError",
        "RefusedMetricsError",
        "RepositoryClosedError",
        "RepositoryError",
        "StorageConfig",
        "WriteError",
        "bucket_range",
    ],
}


def setting(*path: str) -> Any:
    """A value of pyproject.toml."""
    value: Any = PROJECT
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("part", sorted({*PARTS, *PUBLIC_NAMES}))
def test_the_public_names_stay(part: str) -> None:
    """What programs import; a change here is a change for them."""
    package = import_module(f"wattnet.{part}")
    names: list[str] = package.__all__
    assert names == PUBLIC_NAMES[part]
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)), (
        "constants, classes, functions"
    )
    assert all(hasattr(package, name) for name in names)


def test_a_folder_holds_one_part_of_its_own_name() -> None:
    for part in PARTS:
        assert [folder.name for folder in (ROOT / part / "wattnet").iterdir()] == [part]


def test_nothing_closes_the_namespace() -> None:
    """One `__init__.py` directly under a `wattnet/` hides all other parts."""
    assert list(ROOT.glob("*/wattnet/__init__.py")) == []


def test_every_part_is_typed() -> None:
    assert [part for part in PARTS if not (ROOT / part / "wattnet" / part / "py.typed").is_file()] == []


def test_every_tool_knows_every_part() -> None:
    """A forgotten folder is missing from wheels, from editable installs or from what mypy and ruff see."""
    build = setting("tool", "hatch", "build")
    assert sorted(build["targets"]["wheel"]["packages"]) == [f"{part}/wattnet" for part in PARTS]
    assert sorted(build["dev-mode-dirs"]) == PARTS
    assert sorted(setting("tool", "ruff", "src")) == PARTS
    assert sorted(set(setting("tool", "mypy", "mypy_path").split(",")) - {"tests"}) == PARTS
    assert sorted(set(setting("tool", "mypy", "files")) - {"benchmarks", "deploy", "grafana", "tests"}) == PARTS


def test_the_extra_all_is_all_extras() -> None:
    extras = setting("project", "optional-dependencies")
    [everything] = extras["all"]
    assert everything.startswith("wattnet-storage[")
    assert sorted(everything[len("wattnet-storage[") : -1].split(",")) == sorted(set(extras) - {"all"})


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("schemas", ["clickhouse_connect", "wattnet.clickhouse", "chdb", "confluent_kafka", "pandas", "pyarrow"]),
        ("producer", ["clickhouse_connect", "wattnet.clickhouse", "chdb", "pandas", "polars", "pyarrow"]),
        ("query", ["confluent_kafka", "wattnet.producer", "wattnet.consumer", "pandas", "polars", "pyarrow"]),
        ("storage", ["confluent_kafka", "clickhouse_connect", "pydantic", "stevedore", "numpy", "pandas", "pyarrow"]),
        ("cli", ["confluent_kafka", "clickhouse_connect", "typer", "rich", "pydantic"]),
    ],
)
def test_importing_a_part_loads_nothing_of_the_others(part: str, forbidden: list[str]) -> None:
    """Asked where all of it is installed, so that it could be loaded."""
    code = f"import sys, wattnet.{part}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()
    assert f"wattnet.{part}" in loaded
    assert [name for name in forbidden if name in loaded] == []
    assert done.stderr == ""
