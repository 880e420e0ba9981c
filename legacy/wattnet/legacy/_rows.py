"""The SQL that makes rows of metrics_ingest from a table of 1.x, and says of each row whether it can be carried.

The conditions are those of metrics_ingest, said beforehand: what it would refuse stays where it is and is reported,
so that no import fills dead_letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattnet.schemas import ATTRIBUTE_LABEL_NAMES, ZONED_METRIC_NAMES

if TYPE_CHECKING:
    from wattnet.legacy._tables import LegacyTable

COLUMNS = (
    *("topic", "topic_id", "partition", "offset", "kafka_time", "claim_first", "claim_next", "claim_messages"),
    *("name", "value", "timestamp", "labels", "knowledge_time", "valid", "zone_status", "data_state", "attributes"),
)
TRUE, FALSE = "('true', '1', 'yes', '')", "('false', '0', 'no')"
START, END = "{start:DateTime64(6, 'UTC')}", "{end:DateTime64(6, 'UTC')}"
EPOCH = "toDateTime64(0, 6, 'UTC')"
PAIRS = "Array(Tuple(String, String))"
HASH = f"""sum(cityHash64(timestamp, value, CAST(labels, '{PAIRS}'), knowledge_time, valid, zone_status, data_state,
                        CAST(attributes, '{PAIRS}')))"""
# What metrics_ingest makes of a row (001_ingest.sql): how a row is recognized that is stored already.
SERIES_ID = f"cityHash64({{name:String}}, arraySort(CAST(labels, '{PAIRS}')))"
RANK = """bitOr(bitOr(bitShiftLeft(toUInt64(valid), 62),
                bitShiftLeft(toUInt64(multiIf(zone_status = 'complete', 2, zone_status = 'preview', 1, 0)), 60)),
          toUInt64(toUnixTimestamp64Micro(knowledge_time)))"""


def survey(table: LegacyTable) -> str:
    """Rows by hour (since 1970) and reason: count, hash, how many say nothing of validity, status and time, an example.

    Then, for each column that is no label, in how many rows it says something.
    """
    unfit = ", ".join(f"countIf(set_{number})" for number, _ in enumerate(table.unfit))
    example = (
        "concat(toString(timestamp), ' ', toString(value), ' ', toString(labels), "
        "' valid=', valid_text, ' zone_status=', status_text, ' updated_at=', toString(stamp))"
    )
    return f"""
    SELECT intDiv(toUnixTimestamp64Micro(timestamp), 3600000000) AS hour, reason, count(), {HASH},
           countIf(valid_text = ''), countIf(status_text = ''), countIf(stamp = {EPOCH}),
           minIf({example}, reason != ''), CAST([{unfit}], 'Array(UInt64)')
    FROM ({_rows(table)})
    GROUP BY hour, reason"""


def carried(table: LegacyTable) -> str:
    """The rows from {start} to {end} that can be carried, in an order of their own, numbered."""
    labels = "".join(f", labels[{_literal(label)}]" for label in table.labels)
    return f"""
    SELECT *, rowNumberInAllBlocks() AS number FROM (
        SELECT {", ".join(COLUMNS[8:]).replace("name", "{name:String} AS name", 1)}
        FROM ({_rows(table, f"t.timestamp >= {START} AND t.timestamp < {END}")})
        WHERE reason = ''
        ORDER BY timestamp{labels}, knowledge_time, valid, zone_status, value)"""


def ingested(table: LegacyTable) -> str:
    """What `carried` gives, as the columns of metrics_ingest."""
    return f"""
    SELECT {{topic:String}} AS topic, {{topic_id:String}} AS topic_id, toInt32(0) AS `partition`,
           toInt64(number) AS `offset`, now64(3) AS kafka_time, toInt64(0) AS claim_first,
           {{rows:Int64}} AS claim_next, {{rows:Int64}} AS claim_messages, {", ".join(COLUMNS[8:])}
    FROM ({carried(table)})"""


def _rows(table: LegacyTable, where: str = "1") -> str:
    """Every row as 1.x shows it. `reason` is empty, or why it cannot be carried.

    value               the number that is stored; of a Float32 the shortest decimal that it stands for: 1500.1, where
                        widened it is 1500.0999755859375
    knowledge_time      updated_at; where there is none, the timestamp
    valid, zone_status  as written; where there is nothing they are true and complete, as everywhere
    """
    value = "toString(t.value)" if table.is_float32 else "t.value"
    attributes = {name: name for name in sorted(ATTRIBUTE_LABEL_NAMES) if name in table.columns}
    stamp = _time("updated_at") if table.has_time("updated_at") else EPOCH
    unfit = "".join(
        f", ifNull(toString(t.{quoted(column)}), '') NOT IN "
        f"('', toString(defaultValueOfArgumentType(t.{quoted(column)}))) AS set_{number}"
        for number, column in enumerate(table.unfit)
    )
    return f"""
        SELECT {_time("timestamp")} AS timestamp, ifNull(toFloat64({value}), nan) AS value,
               {_map(table.labels)} AS labels,
               {stamp} AS stamp, if(stamp = {EPOCH}, timestamp, stamp) AS knowledge_time,
               lower({_text(table, "valid")}) AS valid_text, valid_text IN {TRUE} AS valid,
               lower({_text(table, "zone_status")}) AS status_text,
               if(status_text = '', 'complete', status_text) AS zone_status,
               {_text(table, "data_state")} AS data_state, {_map(attributes)} AS attributes,
               concat(arrayStringConcat(mapKeys(labels)), arrayStringConcat(mapValues(labels))) AS label_text,
               {_reason(table)} AS reason{unfit}
        FROM {quoted(table.database)}.{quoted(table.name)} AS t {"FINAL" if table.replacing else ""}
        WHERE {where}"""


def _reason(table: LegacyTable) -> str:
    """In the words of metrics_ingest where it has the same rule."""
    rules = {
        "isNull(t.value)": "no value",
        "NOT isFinite(value)": "value not finite",
        f"valid_text NOT IN {TRUE} AND valid_text NOT IN {FALSE}": "valid is neither true nor false",
        "zone_status NOT IN ('complete', 'preview', 'missing')": "unknown zone_status",
        "length(labels) > 64 OR length(label_text) > 4096 OR NOT isValidUTF8(label_text)": "bad labels",
        "timestamp < '1970-01-01 00:00:00' OR timestamp >= '2065-01-01 00:00:00'": "timestamp out of range",
        "knowledge_time < '1970-01-01 00:00:00' OR knowledge_time > now() + INTERVAL 1 DAY": (
            "updated_at out of range" if table.has_time("updated_at") else "timestamp is to come, and no updated_at"
        ),
    }
    if table.name in ZONED_METRIC_NAMES:
        rules = {"labels['zone'] = ''": "no zone", **rules}
    return f"multiIf({', '.join(f'{rule}, {_literal(reason)}' for rule, reason in rules.items())}, '')"


def _map(columns: dict[str, str]) -> str:
    pairs = ", ".join(
        f"{_literal(label)}, ifNull(toString(t.{quoted(column)}), '')" for label, column in columns.items()
    )
    return f"CAST(mapFilter((k, v) -> v != '', map({pairs})), 'Map(String, String)')"


def _text(table: LegacyTable, column: str) -> str:
    return f"ifNull(toString(t.{quoted(column)}), '')" if column in table.columns else "''"


def _time(column: str) -> str:
    return f"ifNull(toDateTime64(t.{quoted(column)}, 6, 'UTC'), {EPOCH})"


def quoted(name: str) -> str:
    """A name in SQL, whatever is in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
