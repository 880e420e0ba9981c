-- Which labels a name has, and which values each of them: discovery that looks through no series. A name has one row without a label,
-- too, so a name whose series have none is here as well.
CREATE TABLE IF NOT EXISTS label_values
(
    name  LowCardinality(String),
    label LowCardinality(String),
    value String
)
ENGINE = ReplacingMergeTree
ORDER BY (name, label, value)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_label_values TO label_values AS
SELECT DISTINCT n.name AS name, n.pair.1 AS label, n.pair.2 AS value
FROM (
    SELECT any(i.name) AS name, arrayJoin(arrayPushFront(CAST(any(i.labels), 'Array(Tuple(String, String))'), ('', ''))) AS pair
    FROM metrics_ingest AS i WHERE i.refusal = '' GROUP BY i.series_id
) AS n;

-- As for newest: what passed the view by is in series.
SELECT sleepEachRow(1) FROM numbers(5) WHERE (SELECT count() FROM series) > 0 SETTINGS max_block_size = 1;

INSERT INTO label_values (name, label, value)
SELECT DISTINCT s.name, s.pair.1, s.pair.2
FROM (SELECT name, arrayJoin(arrayPushFront(CAST(labels, 'Array(Tuple(String, String))'), ('', ''))) AS pair FROM series) AS s;
