ALTER TABLE metrics MODIFY COLUMN series_id RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN series_id CODEC(ZSTD(1));
ALTER TABLE metrics MODIFY COLUMN timestamp RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN timestamp CODEC(DoubleDelta, ZSTD(1));
ALTER TABLE metrics MODIFY COLUMN value RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN value CODEC(ZSTD(1));
ALTER TABLE metrics MODIFY COLUMN rank RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN rank CODEC(Delta, ZSTD(1));
