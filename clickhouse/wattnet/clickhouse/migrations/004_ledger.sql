-- Which messages were stored, claim by claim: the proof that `wattnet verify` reads. A claim may come in several parts.
CREATE TABLE IF NOT EXISTS ledger
(
    topic          LowCardinality(String),
    topic_id       LowCardinality(String),
    `partition`    UInt16,
    claim_first    Int64,
    claim_next     Int64,
    claim_messages Int64,
    first_offset   Int64,
    last_offset    Int64,
    messages       UInt64,
    refused        UInt64,
    stored_at      DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id, `partition`, claim_first, first_offset, last_offset, messages)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_to_ledger TO ledger AS
SELECT i.topic AS topic, i.topic_id AS topic_id, i.`partition` AS `partition`, i.claim_first AS claim_first, i.claim_next AS claim_next,
       i.claim_messages AS claim_messages, min(i.`offset`) AS first_offset, max(i.`offset`) AS last_offset, count() AS messages, countIf(i.refusal != '') AS refused
FROM metrics_ingest AS i GROUP BY i.topic, i.topic_id, i.`partition`, i.claim_first, i.claim_next, i.claim_messages;
