DROP VIEW IF EXISTS hourly_metrics;
DROP VIEW IF EXISTS daily_metrics;
DROP VIEW IF EXISTS rollup_pass;
DROP TABLE IF EXISTS rollup;
