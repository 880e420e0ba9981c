DROP VIEW IF EXISTS ingest_to_dead_letters;
DROP TABLE IF EXISTS dead_letters;
