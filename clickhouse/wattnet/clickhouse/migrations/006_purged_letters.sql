-- Which dead letters were purged: written before they are deleted, so that `wattnet verify` tells a purge from a loss. What somebody
-- deleted by hand has no row here. A letter whose range is stored once more after its purge is recognized by its row, too.
CREATE TABLE IF NOT EXISTS purged_letters
(
    topic       LowCardinality(String),
    topic_id    LowCardinality(String),
    `partition` UInt16,
    `offset`    Int64,
    reason      LowCardinality(String),
    replayed_at DateTime64(3, 'UTC'),       -- 1970 when it was never sent again
    purged_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(purged_at)
ORDER BY (topic, topic_id, `partition`, `offset`);
