ALTER TABLE metrics MODIFY COLUMN timestamp RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN series_id RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN value RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN rank RESET SETTING min_compress_block_size, max_compress_block_size;
ALTER TABLE metrics MODIFY COLUMN timestamp CODEC(DoubleDelta, ZSTD(1));
