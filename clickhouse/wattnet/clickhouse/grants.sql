-- Least rights: a role for each thing that wattnet does to the database `wattnet`. Run it as an administrator, after
-- `wattnet init`; it is safe to repeat. Another database: replace `wattnet.` in it. Then give each program a user of its own:
--
--     CREATE USER consumer IDENTIFIED WITH sha256_password BY '…' DEFAULT ROLE wattnet_consumer;
--     GRANT wattnet_consumer TO consumer;

-- wattnet consume. metrics_ingest stores nothing, so nothing can be read from it; but where views have no definer
-- (ClickHouse's default), whoever inserts into a table needs SELECT on it for the views that hang on it.
CREATE ROLE IF NOT EXISTS wattnet_consumer;
GRANT INSERT, SELECT ON wattnet.metrics_ingest TO wattnet_consumer;
GRANT SELECT ON wattnet.ledger TO wattnet_consumer;
-- Which groups feed the tables: a second one does not start beside the first.
GRANT INSERT, SELECT ON wattnet.feeders TO wattnet_consumer;
-- So that it sees, and does not start beside, the other feeder (wattnet kafka-engine on).
GRANT SHOW TABLES ON wattnet.kafka_engine_to_ingest TO wattnet_consumer;

-- Optional, for a consumer's metrics: freshness per zone, refusals by reason. Without them it works and counts less finely.
CREATE ROLE IF NOT EXISTS wattnet_consumer_metrics;
GRANT SELECT ON wattnet.series TO wattnet_consumer_metrics;
GRANT SELECT(topic, topic_id, `partition`, `offset`, reason) ON wattnet.dead_letters TO wattnet_consumer_metrics;

-- Programs and dashboards that read (wattnet.query).
CREATE ROLE IF NOT EXISTS wattnet_reader;
GRANT SELECT ON wattnet.metrics TO wattnet_reader;
GRANT SELECT ON wattnet.newest TO wattnet_reader;
GRANT SELECT ON wattnet.series TO wattnet_reader;
GRANT SELECT ON wattnet.label_values TO wattnet_reader;
GRANT SELECT ON wattnet.newest_metrics TO wattnet_reader;
GRANT SELECT ON wattnet.current_metrics TO wattnet_reader;
GRANT SELECT ON wattnet.metrics_as_of TO wattnet_reader;
GRANT SELECT ON wattnet.rollup TO wattnet_reader;
GRANT SELECT ON wattnet.daily_metrics TO wattnet_reader;
GRANT SELECT ON wattnet.hourly_metrics TO wattnet_reader;
-- What Grafana's boards on the pipeline ask, too: counts and reasons, never what a refused message held.
GRANT SELECT ON wattnet.ledger TO wattnet_reader;
GRANT SELECT(topic, topic_id, `partition`, `offset`, reason, stored_at, replayed_at) ON wattnet.dead_letters TO wattnet_reader;
GRANT SELECT ON system.parts TO wattnet_reader;
GRANT SELECT ON system.merges TO wattnet_reader;
GRANT SELECT ON system.view_refreshes TO wattnet_reader;

-- They change nothing, no settings either but how long a query may take; and one of them does not take the whole server.
CREATE SETTINGS PROFILE IF NOT EXISTS wattnet_reader SETTINGS
    readonly = 1,
    do_not_merge_across_partitions_select_final = 1,
    max_execution_time = 60 MIN 1 MAX 300 CHANGEABLE_IN_READONLY,
    max_memory_usage = 2000000000,
    max_concurrent_queries_for_user = 100
    TO wattnet_reader;

-- wattnet verify.
CREATE ROLE IF NOT EXISTS wattnet_auditor;
GRANT SELECT ON wattnet.* TO wattnet_auditor;

-- wattnet dead-letters. A replay marks the letter, a purge writes down what it deletes; nothing else can be changed.
CREATE ROLE IF NOT EXISTS wattnet_operator;
GRANT SELECT ON wattnet.* TO wattnet_operator;
GRANT INSERT, ALTER DELETE ON wattnet.dead_letters TO wattnet_operator;
GRANT INSERT ON wattnet.purged_letters TO wattnet_operator;

-- wattnet init and wattnet migrate: makes and drops everything in the database, and nothing outside it.
CREATE ROLE IF NOT EXISTS wattnet_migrator;
GRANT SELECT, INSERT, ALTER, OPTIMIZE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON wattnet.* TO wattnet_migrator;
GRANT TABLE ENGINE ON * TO wattnet_migrator;

-- wattnet kafka-engine, beside wattnet_migrator: the table that it makes reads from Kafka.
CREATE ROLE IF NOT EXISTS wattnet_kafka_engine;
GRANT KAFKA ON *.* TO wattnet_kafka_engine;
