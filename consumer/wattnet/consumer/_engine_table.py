"""ClickHouse's Kafka engine in front of `metrics_ingest`: a table that reads the topic, and the view that empties it.

The view outlives the table: its comment says what the consumers handed over, until they have it back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from clickhouse_connect.driver.binding import format_str
from clickhouse_connect.driver.exceptions import DatabaseError

from wattnet.consumer._errors import ConfigurationError
from wattnet.consumer._tables import asking_clickhouse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clickhouse_connect.driver.client import Client

    from wattnet.consumer._settings import KafkaSettings, Settings

TABLE = "kafka_engine"
VIEW = "kafka_engine_to_ingest"
# A Kafka table has no column defaults. What an old writer schema lacks comes as NULL, and the view puts the default in.
COLUMNS = """
    name String, value Nullable(Float64), timestamp DateTime64(6, 'UTC'), labels Map(String, String),
    knowledge_time DateTime64(6, 'UTC'), valid Nullable(Bool), zone_status Nullable(String), data_state String,
    attributes Map(String, String)
"""
# One view for good and bad: a block is then one row in the ledger for each partition, with all its messages.
SELECT = """
    SELECT e._topic AS topic, '' AS topic_id, toInt32(e._partition) AS `partition`, toInt64(e._offset) AS `offset`,
           ifNull(e._timestamp_ms, toDateTime64(0, 3, 'UTC')) AS kafka_time, e.name AS name, e.value AS value,
           e.timestamp AS timestamp, e.labels AS labels, e.knowledge_time AS knowledge_time,
           ifNull(e.valid, true) AS valid, ifNull(e.zone_status, 'complete') AS zone_status,
           e.data_state AS data_state, e.attributes AS attributes,
           if(length(e._error) = 0, '', 'cannot be decoded') AS refused_by_feeder, e._error AS detail,
           e._raw_message AS raw, if(length(e._error) = 0, '', e._key) AS key,
           if(length(e._error) = 0, map(), mapFromArrays(e._headers.name, e._headers.value)) AS headers
    FROM kafka_engine AS e
"""
# The fastest of those that were measured. A block holds what came in a flush interval, up to this many messages.
FIXED_SETTINGS: dict[str, str | int] = {
    "kafka_format": "AvroConfluent",
    "kafka_handle_error_mode": "stream",
    "input_format_avro_allow_missing_fields": 1,
    "kafka_thread_per_consumer": 1,
    "kafka_max_block_size": 524_288,
    "kafka_poll_max_batch_size": 65_536,
}
# What of KAFKA_OPTIONS a table can be told. Certificates it takes from ClickHouse's own configuration only.
CONNECTION_SETTINGS = {
    "security.protocol": "kafka_security_protocol",
    "sasl.mechanism": "kafka_sasl_mechanism",
    "sasl.mechanisms": "kafka_sasl_mechanism",
    "sasl.username": "kafka_sasl_username",
    "sasl.password": "kafka_sasl_password",
}
FOUND = "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND name IN ({names:Array(String)})"


LAST_ERROR = """
    SELECT toString(time), text FROM system.kafka_consumers
    ARRAY JOIN exceptions.time AS time, exceptions.text AS text
    WHERE database = currentDatabase() AND table = {table:String} AND time > last_commit_time
    ORDER BY time DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Handover:
    """What the consumers handed to the engine: for each partition where it begins, and where its claims once began."""

    topic: str
    topic_id: str
    begins: Mapping[int, tuple[int, int]]

    def to_json(self) -> str:
        """The view's comment."""
        begins = {str(partition): list(places) for partition, places in self.begins.items()}
        return json.dumps({"topic": self.topic, "topic_id": self.topic_id, "begins": begins})

    @classmethod
    def from_json(cls, comment: str) -> Handover:
        """Raises ConfigurationError when it is not what `to_json` makes."""
        try:
            told: dict[str, Any] = json.loads(comment)
            begins = {int(partition): (int(first), int(start)) for partition, (first, start) in told["begins"].items()}
            return cls(str(told["topic"]), str(told["topic_id"]), begins)
        except (ValueError, TypeError, KeyError) as exc:
            raise ConfigurationError(
                f"the view {VIEW} was not made by this version of `wattnet kafka-engine on` (its comment is "
                f"{comment[:200]!r}): switch it off with the version that made it, or drop it and reset offsets by hand"
            ).caused_by(exc) from None


class EngineTable:
    """The table and its view in one database."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def handover(self) -> Handover | None:
        """What is in the engine's hands; None when nothing is. Until it is handed back, also without the table."""
        comment = self._found().get(VIEW)
        return None if comment is None else Handover.from_json(comment)

    def reads(self) -> bool:
        """Whether there is a table that reads the topic."""
        return TABLE in self._found()

    def _found(self) -> dict[str, str]:
        rows = self._client.query(FOUND, parameters={"names": [TABLE, VIEW]}).result_rows
        return {str(name): str(comment) for name, comment in rows}

    def create(self, settings: Settings, *, group_id: str, consumers: int) -> None:
        """Make the table. It reads nothing before there is the view. No error of it shows a secret."""
        told: dict[str, str | int] = {
            **_connection(settings.kafka),
            **FIXED_SETTINGS,
            "kafka_broker_list": settings.kafka.bootstrap_servers,
            "kafka_topic_list": settings.kafka.topic,
            "kafka_group_name": group_id,
            "kafka_num_consumers": consumers,
            "kafka_flush_interval_ms": round(settings.batch.flush_interval_s * 1000),
            "format_avro_schema_registry_url": _registry_url(settings.kafka),
        }
        said = ", ".join(f"{key} = {_literal(value)}" for key, value in told.items())
        try:
            # Not to be found in the log of queries, whatever a version of ClickHouse masks there.
            self._client.command(
                f"CREATE TABLE {TABLE} ({COLUMNS}) ENGINE = Kafka SETTINGS {said}", settings={"log_queries": 0}
            )
        except DatabaseError as exc:
            text = str(exc)
            for key in ("kafka_sasl_password", "format_avro_schema_registry_url"):
                if secret := str(told.get(key, "")):
                    text = text.replace(secret, "[HIDDEN]").replace(format_str(secret)[1:-1], "[HIDDEN]")
            # The cause is left out, for it holds them.
            raise ConfigurationError(f"ClickHouse does not make the Kafka engine's table: {text}") from None

    def begin(self, handover: Handover) -> None:
        """Make the view: from now on the engine stores."""
        self._client.command(
            f"CREATE MATERIALIZED VIEW {VIEW} TO metrics_ingest AS {SELECT} COMMENT {format_str(handover.to_json())}"
        )

    def stop(self) -> None:
        """Drop the table: the engine stores and commits what it holds, and leaves its group.

        Never the view first: a stream that starts just then reads into nothing, and commits.
        """
        self._client.command(f"DROP TABLE IF EXISTS {TABLE} SYNC")

    def forget(self) -> None:
        """Drop the view, when all is handed back."""
        self._client.command(f"DROP VIEW IF EXISTS {VIEW} SYNC")

    def last_error(self) -> str:
        """What the engine's consumers complained about last, since they last committed; empty when there is nothing."""
        try:
            rows = self._client.query(
                LAST_ERROR,
                parameters={"table": TABLE},
            ).result_rows
        except DatabaseError:  # an older ClickHouse, or no right to look
            return ""
        return " ".join(rows[0]) if rows else ""


def refuse_beside_engine(client: Client, topic: str) -> None:
    """Raise ConfigurationError while the Kafka engine feeds this topic's tables.

    ServiceUnavailableError when ClickHouse does not say, ConfigurationError when it refuses to.
    The commits say it too, and bind whoever joins; but they expire in a group that nobody is in.
    """
    with asking_clickhouse():
        handover = EngineTable(client).handover()
    if handover is not None and handover.topic == topic:
        raise ConfigurationError(
            f"the Kafka engine stores topic {topic!r}, and a consumer beside it would double everything: "
            "run `wattnet kafka-engine off` first, which hands the partitions back"
        )


def _connection(settings: KafkaSettings) -> dict[str, str]:
    """How the table reaches Kafka: from the same settings as the consumer, as far as a table can be told."""
    options = settings.connection_options()
    return {ours: str(options[theirs]) for theirs, ours in CONNECTION_SETTINGS.items() if theirs in options}


def _registry_url(settings: KafkaSettings) -> str:
    """The registry's URL, with the credentials in it that the settings keep apart."""
    options = settings.registry_options() or {"url": ""}
    parts = urlsplit(str(options["url"]))
    if "basic.auth.user.info" in options:
        user, _, password = str(options["basic.auth.user.info"]).partition(":")
        parts = parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}")
    return parts.geturl()


def _literal(value: str | int) -> str:
    return format_str(value) if isinstance(value, str) else str(value)
