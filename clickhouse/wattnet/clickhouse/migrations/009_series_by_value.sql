-- Finds the few series with a value of a label among millions. Parts from before get it in the background.
ALTER TABLE series ADD INDEX IF NOT EXISTS by_value mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE series MATERIALIZE INDEX by_value;
