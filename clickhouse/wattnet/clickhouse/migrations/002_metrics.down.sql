DROP VIEW IF EXISTS ingest_to_metrics;
DROP VIEW IF EXISTS metrics_as_of;
DROP VIEW IF EXISTS current_metrics;
DROP TABLE IF EXISTS metrics;
