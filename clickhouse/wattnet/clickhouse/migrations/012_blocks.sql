-- Smaller blocks of the numbers that every read wants: a mark's 2,048 rows are 16 KiB of each. Blocks of the usual 64 KiB have to be
-- unpacked as a whole for each mark, which is most of what reading one day of many series takes. Delta instead of DoubleDelta, because
-- it is unpacked faster and takes as little in blocks of this size. What is stored already gets it when it is merged.
ALTER TABLE metrics MODIFY COLUMN timestamp CODEC(Delta, ZSTD(1));
ALTER TABLE metrics MODIFY COLUMN timestamp MODIFY SETTING min_compress_block_size = 16384, max_compress_block_size = 16384;
ALTER TABLE metrics MODIFY COLUMN series_id MODIFY SETTING min_compress_block_size = 16384, max_compress_block_size = 16384;
ALTER TABLE metrics MODIFY COLUMN value MODIFY SETTING min_compress_block_size = 16384, max_compress_block_size = 16384;
ALTER TABLE metrics MODIFY COLUMN rank MODIFY SETTING min_compress_block_size = 16384, max_compress_block_size = 16384;
