ALTER TABLE metrics DROP INDEX IF EXISTS by_arrival;
ALTER TABLE metrics RESET SETTING enable_block_number_column;
