DROP VIEW IF EXISTS ingest_to_series;
DROP TABLE IF EXISTS series;
