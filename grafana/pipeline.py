"""Pipeline: consumers and ClickHouse, by what ClickHouse itself knows; no other data source is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana._panels import bars, board, number, over_time, rows
from grafana._sources import ABSENT_S, DELAY_S

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

UID = "wattnet-pipeline"
_STORED = "$__timeFilter(l.stored_at)"
DELAYS = "dateDiff('millisecond', m.knowledge_time, m.stored_at) / 1000"
"""From known to stored, in seconds; what was back-dated (history, forecasts by issue time) counts, too."""


def pipeline() -> Dashboard:
    """The board."""
    refused_by_reason = (
        "SELECT $__timeInterval(d.stored_at) AS time, d.reason AS reason, toFloat64(count()) AS refused FROM "
        "dead_letters AS d "
        "WHERE $__timeFilter(d.stored_at) GROUP BY time, reason ORDER BY time, reason"
    )
    delay = (
        f"SELECT $__timeInterval(m.stored_at) AS time, quantile(0.5)({DELAYS}) AS `half are within`, "
        f"quantile(0.95)({DELAYS}) AS `95 % are within` FROM metrics AS m "
        "WHERE m.stored_at >= $__fromTime AND m.stored_at <= $__toTime GROUP BY time ORDER BY time"
    )
    tables = (
        "SELECT p.table AS Table, count() AS Parts, max(p.level) AS `Most merges`, sum(p.rows) AS Rows, "
        "sum(p.bytes_on_disk) AS Bytes, "
        "sum(p.bytes_on_disk) / sum(p.rows) AS `Bytes a row` "
        "FROM system.parts AS p WHERE p.database = currentDatabase() AND p.active GROUP BY p.table ORDER BY Bytes DESC"
    )
    incomplete = (
        "SELECT c.topic AS Topic, c.`partition` AS Partition, c.claim_first AS First, c.claim_next AS Next, "
        "c.held AS Held, c.stored AS Stored FROM ("
        "SELECT l.topic AS topic, l.`partition` AS `partition`, l.claim_first AS claim_first, l.claim_next AS "
        "claim_next, "
        "max(l.claim_messages) AS held, sum(l.messages) AS stored FROM ledger AS l FINAL "
        f"WHERE l.topic_id != '' AND {_STORED} GROUP BY l.topic, l.topic_id, l.`partition`, l.claim_first, "
        f"l.claim_next) AS c "
        "WHERE c.held != c.stored ORDER BY Topic, Partition, First LIMIT 100"
    )
    return (
        board(
            UID,
            "Wattnet: pipeline",
            "From Kafka into ClickHouse: inserts, delays, refusals, parts and merges.",
            since="now-6h",
        )
        .with_panel(
            number(
                "Since the last insert",
                "SELECT dateDiff('second', max(l.stored_at), now64(3)) FROM ledger AS l",
                "s",
                base="green",
                steps=[(DELAY_S, "yellow"), (ABSENT_S, "red")],
                about="Of any consumer, or of ClickHouse's Kafka engine.",
            )
        )
        .with_panel(
            number(
                "Inserts in the range",
                f"SELECT count() FROM ledger AS l WHERE {_STORED}",
                "short",
                about="Ranges of offsets, or parts of one.",
            )
        )
        .with_panel(
            number(
                "Messages an insert",
                f"SELECT avg(l.messages) FROM ledger AS l WHERE {_STORED}",
                "short",
                about="Many small inserts cost merges.",
            )
        )
        .with_panel(
            number(
                "Refused",
                f"SELECT sum(l.refused) / sum(l.messages) FROM ledger AS l WHERE {_STORED}",
                "percentunit",
                base="green",
                steps=[(0.01, "yellow"), (0.5, "red")],
                about="Of the messages in the range. At the breaker's share, 50 % unless set, consumers stop the "
                "partition.",
            )
        )
        .with_panel(
            number(
                "Dead letters, not sent again",
                "SELECT count() FROM dead_letters AS d FINAL WHERE d.replayed_at < '1971-01-01'",
                "short",
                base="green",
                steps=[(1, "yellow")],
                about="`wattnet dead-letters list` shows them.",
            )
        )
        .with_panel(
            number(
                "Parts of the fullest partition",
                "SELECT max(p.parts) FROM (SELECT count() AS parts FROM system.parts AS p WHERE p.database = "
                "currentDatabase() "
                "AND p.active GROUP BY p.table, p.partition_id) AS p",
                "short",
                base="green",
                steps=[(300, "yellow"), (1000, "red")],
                about="ClickHouse delays inserts from 1,000 (parts_to_delay_insert) and refuses them from 3,000.",
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Messages stored, by partition",
                    "SELECT $__timeInterval(l.stored_at) AS time, concat(l.topic, ' ', toString(l.`partition`)) "
                    "AS line, sum(l.messages) AS messages "
                    f"FROM ledger AS l WHERE {_STORED} GROUP BY time, line ORDER BY time, line",
                    "short",
                    about="A partition that falls silent alone has no consumer, or nothing to say.",
                )
            )
        )
        .with_panel(
            over_time(
                "From known to stored",
                delay,
                "s",
                about="Seconds from knowledge_time to the insert. History counts with its age.",
            )
        )
        .with_panel(
            bars(
                over_time(
                    "Refused, by reason", refused_by_reason, "short", about="Dead letters by when they were stored."
                )
            )
        )
        .with_panel(
            rows(
                "Dead letters by reason",
                "SELECT d.reason AS Reason, count() AS Letters, countIf(d.replayed_at >= '1971-01-01') AS `Sent "
                "again`, "
                "max(d.stored_at) AS Newest, argMax(d.topic, d.stored_at) AS Topic, argMax(d.`partition`, "
                "d.stored_at) AS Partition, "
                "argMax(d.`offset`, d.stored_at) AS Offset FROM dead_letters AS d FINAL GROUP BY Reason ORDER BY "
                "Letters DESC",
                about="With the place of the newest: `wattnet dead-letters show`.",
            )
        )
        .with_panel(
            rows(
                "Tables",
                tables,
                units={"Rows": "short", "Bytes": "bytes", "Bytes a row": "decbytes"},
                about="Active parts on disk.",
            )
        )
        .with_panel(
            rows(
                "Merges that run",
                "SELECT g.table AS Table, g.elapsed AS Elapsed, g.progress AS Progress, g.num_parts AS Parts, "
                "g.total_size_bytes_compressed AS Bytes "
                "FROM system.merges AS g WHERE g.database = currentDatabase() ORDER BY Elapsed DESC",
                units={"Elapsed": "s", "Progress": "percentunit", "Bytes": "bytes"},
                about="None most of the time.",
            )
        )
        .with_panel(
            rows(
                "Passes of the roll-up",
                "SELECT v.view AS View, v.status AS Status, v.last_success_time AS `Last success`, "
                "v.last_success_duration_ms / 1000 AS Took, "
                "v.exception AS Error FROM system.view_refreshes AS v WHERE v.database = currentDatabase()",
                units={"Took": "s"},
                about="Without them boards are right, and long ranges slow.",
            )
        )
        .with_panel(
            rows(
                "Claims that are not whole",
                incomplete,
                about="None, but for inserts that run. `wattnet verify` is the whole proof.",
            )
        )
    )
