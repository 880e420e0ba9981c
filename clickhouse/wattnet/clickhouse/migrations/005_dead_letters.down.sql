DROP VIEW IF EXISTS ingest_to_dead_letters SYNC;
DROP TABLE IF EXISTS dead_letters SYNC;
