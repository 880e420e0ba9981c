DROP VIEW IF EXISTS ingest_to_label_values;
DROP TABLE IF EXISTS label_values;
