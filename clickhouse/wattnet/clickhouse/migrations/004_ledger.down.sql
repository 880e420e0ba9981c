DROP VIEW IF EXISTS ingest_to_ledger;
DROP TABLE IF EXISTS ledger;
