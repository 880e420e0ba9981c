-- Which series exist, with their labels and extent: discovery never scans values. Idempotent aggregates only.
CREATE TABLE IF NOT EXISTS series
(
    name                LowCardinality(String),
    zone                LowCardinality(String),
    series_id           UInt64,
    labels              SimpleAggregateFunction(any, Map(String, String)),
    first_timestamp     SimpleAggregateFunction(min, DateTime64(6, 'UTC')),
    last_timestamp      SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    last_knowledge_time SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (name, zone, series_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_series TO series AS
SELECT any(i.name) AS name, any(i.zone) AS zone, i.series_id AS series_id, any(i.labels) AS labels,
       min(i.timestamp) AS first_timestamp, max(i.timestamp) AS last_timestamp, max(i.knowledge_time) AS last_knowledge_time
FROM metrics_ingest AS i WHERE i.refusal = '' GROUP BY i.series_id;
