-- Every revision of every value ever received, and the message that it came in. Nothing is overwritten: which one is current is
-- decided by rank when reading (current_metrics, metrics_as_of). A revision is named by series, timestamp, quality and knowledge_time:
-- the same one sent again replaces it.
CREATE TABLE IF NOT EXISTS metrics
(
    name           LowCardinality(String),
    zone           LowCardinality(String),
    series_id      UInt64               CODEC(ZSTD(1)),
    timestamp      DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    value          Float64              CODEC(ZSTD(1)),
    retracted      Bool                 CODEC(ZSTD(1)),
    data_state     LowCardinality(String),
    rank           UInt64               CODEC(Delta, ZSTD(1)),
    attributes     LowCardinality(String),        -- JSON object, '' when there are none
    topic_id       LowCardinality(String),
    `partition`    UInt16               CODEC(ZSTD(1)),
    `offset`       Int64                CODEC(Delta, ZSTD(1)),
    stored_at      DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),   -- order of arrival; knowledge_time may be back-dated
    valid          Bool                 ALIAS bitTest(rank, 62),
    zone_status    Enum8('missing' = 0, 'preview' = 1, 'complete' = 2) ALIAS CAST(toInt8(bitAnd(bitShiftRight(rank, 60), 3)), 'Enum8(\'missing\' = 0, \'preview\' = 1, \'complete\' = 2)'),
    knowledge_time DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toInt64(bitAnd(rank, 0x0FFFFFFFFFFFFFFF)), 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYear(timestamp)
PRIMARY KEY (name, zone, series_id, timestamp)
ORDER BY (name, zone, series_id, timestamp, rank)
-- Sparse columns take -0.0 for the default and give 0.0 back: never, for values come back bit for bit.
SETTINGS index_granularity = 2048, non_replicated_deduplication_window = 10000, ratio_of_defaults_for_sparse_serialization = 1;

-- Qualify every source column (i.value): a bare name would mean the alias of the same SELECT.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_metrics TO metrics AS
SELECT i.name AS name, i.zone AS zone, i.series_id AS series_id, i.timestamp AS timestamp, ifNull(i.value, 0) AS value,
       isNull(i.value) AS retracted, i.data_state AS data_state, i.rank AS rank, if(empty(i.attributes), '', toJSONString(i.attributes)) AS attributes, i.topic_id AS topic_id,
       i.`partition` AS `partition`, i.`offset` AS `offset`
FROM metrics_ingest AS i WHERE i.refusal = '';

-- The current value of every series and timestamp. Predicates on the sorting key reach the table.
CREATE VIEW IF NOT EXISTS current_metrics AS
SELECT m.name AS name, m.zone AS zone, m.series_id AS series_id, m.timestamp AS timestamp,
       argMax(m.value, m.rank) AS value, argMax(m.retracted, m.rank) AS retracted, argMax(m.data_state, m.rank) AS data_state,
       argMax(m.valid, m.rank) AS valid, argMax(m.zone_status, m.rank) AS zone_status, argMax(m.knowledge_time, m.rank) AS knowledge_time
FROM metrics AS m FINAL
GROUP BY name, zone, series_id, timestamp HAVING NOT retracted
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same as it was known at a moment: SELECT … FROM metrics_as_of(as_of = '2026-01-01 00:00:00') WHERE …
CREATE VIEW IF NOT EXISTS metrics_as_of AS
SELECT m.name AS name, m.zone AS zone, m.series_id AS series_id, m.timestamp AS timestamp,
       argMax(m.value, m.rank) AS value, argMax(m.retracted, m.rank) AS retracted, argMax(m.data_state, m.rank) AS data_state,
       argMax(m.valid, m.rank) AS valid, argMax(m.zone_status, m.rank) AS zone_status, argMax(m.knowledge_time, m.rank) AS knowledge_time
FROM metrics AS m FINAL WHERE m.knowledge_time <= {as_of:DateTime64(6, 'UTC')}
GROUP BY name, zone, series_id, timestamp HAVING NOT retracted
SETTINGS do_not_merge_across_partitions_select_final = 1;
