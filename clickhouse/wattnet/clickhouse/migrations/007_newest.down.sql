DROP VIEW IF EXISTS newest_metrics;
DROP VIEW IF EXISTS ingest_to_newest;
DROP TABLE IF EXISTS newest;
