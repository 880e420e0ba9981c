DROP TABLE IF EXISTS metrics_ingest;
