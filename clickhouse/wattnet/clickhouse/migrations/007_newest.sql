-- The newest point of every series, with its current value: `latest` never looks through metrics. Of all rows of a series the one of
-- greatest place stays, and of equal ones (the same revision sent again) the last that arrived, as in metrics; so it does not matter in
-- which order, or how often, rows come. A retracted point stays, too: which point is the newest then, metrics knows.
CREATE TABLE IF NOT EXISTS newest
(
    name        LowCardinality(String),
    zone        LowCardinality(String),
    series_id   UInt64,
    timestamp   DateTime64(6, 'UTC'),
    value       Float64,
    retracted   Bool,
    data_state  LowCardinality(String),
    rank        UInt64,
    attributes  LowCardinality(String),
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    place       UInt128 MATERIALIZED bitOr(bitShiftLeft(toUInt128(toUnixTimestamp64Micro(timestamp)), 64), toUInt128(rank))
)
ENGINE = ReplacingMergeTree(place)
ORDER BY (name, zone, series_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000, ratio_of_defaults_for_sparse_serialization = 1;

-- Of one insert, one row a series; of one revision that is in it twice, the later one.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_newest TO newest AS
SELECT i.name AS name, i.zone AS zone, i.series_id AS series_id, i.timestamp AS timestamp, ifNull(i.value, 0) AS value,
       isNull(i.value) AS retracted, i.data_state AS data_state, i.rank AS rank, if(empty(i.attributes), '', toJSONString(i.attributes)) AS attributes
FROM metrics_ingest AS i WHERE i.refusal = ''
ORDER BY i.series_id, i.timestamp DESC, i.rank DESC, i.`offset` DESC LIMIT 1 BY i.series_id;

-- Inserts that began before there was the view pass it by. They are in metrics, once they are done.
SELECT sleepEachRow(1) FROM numbers(5) WHERE (SELECT count() FROM metrics) > 0 SETTINGS max_block_size = 1;

INSERT INTO newest (name, zone, series_id, timestamp, value, retracted, data_state, rank, attributes, stored_at)
SELECT m.name, m.zone, m.series_id, m.timestamp, m.value, m.retracted, m.data_state, m.rank, m.attributes, m.stored_at
FROM metrics AS m FINAL WHERE (m.name, m.zone, m.series_id, m.timestamp) IN (
    SELECT s.name, s.zone, s.series_id, max(s.last_timestamp) FROM series AS s GROUP BY s.name, s.zone, s.series_id);

-- Last, so that nobody reads what is not all there. WHERE NOT retracted leaves out the series of which the newest point was withdrawn.
CREATE VIEW IF NOT EXISTS newest_metrics AS
SELECT n.name AS name, n.zone AS zone, n.series_id AS series_id, n.timestamp AS timestamp, n.value AS value, n.retracted AS retracted,
       n.data_state AS data_state, bitTest(n.rank, 62) AS valid,
       CAST(toInt8(bitAnd(bitShiftRight(n.rank, 60), 3)), 'Enum8(\'missing\' = 0, \'preview\' = 1, \'complete\' = 2)') AS zone_status,
       fromUnixTimestamp64Micro(toInt64(bitAnd(n.rank, 0x0FFFFFFFFFFFFFFF)), 'UTC') AS knowledge_time, n.attributes AS attributes, n.stored_at AS stored_at
FROM newest AS n FINAL;
