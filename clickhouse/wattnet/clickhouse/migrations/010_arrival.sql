-- Every row of metrics keeps the number of the insert that brought it, through all merges (_block_number). Inserts show themselves in the
-- order of these numbers, so whoever follows the table asks for what is above the last one that it saw.
ALTER TABLE metrics MODIFY SETTING enable_block_number_column = 1;
-- What arrived since a moment, without reading all of the rest. For what is stored already it is made in the background.
ALTER TABLE metrics ADD INDEX IF NOT EXISTS by_arrival stored_at TYPE minmax GRANULARITY 1;
ALTER TABLE metrics MATERIALIZE INDEX by_arrival SETTINGS mutations_sync = 0;
