-- Everything that was refused, by a feeder (with raw bytes, key and headers) or by the rules of metrics_ingest (with the decoded record).
CREATE TABLE IF NOT EXISTS dead_letters
(
    topic       LowCardinality(String),
    topic_id    LowCardinality(String),
    `partition` UInt16,
    `offset`    Int64,
    reason      LowCardinality(String),
    detail      String,
    key         String,
    headers     Map(String, String),
    raw         String,
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    replayed_at DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC')      -- set by a replay, which inserts the row again
)
ENGINE = ReplacingMergeTree(replayed_at)
ORDER BY (topic, topic_id, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_dead_letters TO dead_letters AS
SELECT i.topic AS topic, i.topic_id AS topic_id, i.`partition` AS `partition`, i.`offset` AS `offset`, i.refusal AS reason,
       if(i.detail != '' OR i.refused_by_feeder != '', i.detail, formatRow('JSONEachRow', i.name AS name, ifNull(toString(i.value), 'null') AS value, i.timestamp AS timestamp,
          i.labels AS labels, i.knowledge_time AS knowledge_time, i.valid AS valid, i.zone_status AS zone_status, i.data_state AS data_state,
          i.attributes AS attributes)) AS detail,
       i.key AS key, i.headers AS headers, i.raw AS raw
FROM metrics_ingest AS i WHERE i.refusal != '';
