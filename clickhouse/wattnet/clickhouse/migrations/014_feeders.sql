-- Which consumer groups have fed these tables, from which topic of which Kafka cluster: two of them at once would store every message
-- twice. Each start inserts a row, the newest one of a group stays.
CREATE TABLE IF NOT EXISTS feeders
(
    cluster_id LowCardinality(String),
    topic      LowCardinality(String),
    group_id   String,
    feeder     LowCardinality(String),                      -- consumer or kafka-engine
    started_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(started_at)
ORDER BY (topic, cluster_id, group_id, feeder);
