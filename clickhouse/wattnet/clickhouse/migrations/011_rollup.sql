-- A row for each series and day (UTC): what its current values come to, by day and by hour. It is made of metrics, not of what arrives,
-- for nothing that is added up can take a revised value back. A pass makes anew each day that something arrived for, and the views below
-- read a day with later arrivals from metrics. So they give what the current values come to at any moment; passes only make them fast.
CREATE TABLE IF NOT EXISTS rollup
(
    name           LowCardinality(String),          -- '' in rows that say how far the passes are, in zone the partition of metrics
    zone           LowCardinality(String),
    series_id      UInt64,
    day            Date,
    count          UInt32  CODEC(ZSTD(1)),          -- of current values; 0 where all were withdrawn
    sum            Float64 CODEC(ZSTD(1)),
    min            Float64 CODEC(ZSTD(1)),
    max            Float64 CODEC(ZSTD(1)),
    valid          Bool    CODEC(ZSTD(1)),          -- of all of them
    zone_status    Enum8('missing' = 0, 'preview' = 1, 'complete' = 2) CODEC(ZSTD(1)),   -- of the worst
    knowledge_time DateTime64(6, 'UTC') CODEC(ZSTD(1)),   -- of the newest
    hours          Array(Tuple(hour UInt8, count UInt32, sum Float64, valid Bool,
                               zone_status Enum8('missing' = 0, 'preview' = 1, 'complete' = 2))) CODEC(ZSTD(1)),   -- those with values
    pass           UInt64  CODEC(ZSTD(1)),
    upto           UInt64  CODEC(ZSTD(1))           -- in rows without a name: the inserts into metrics up to this number are in here
)
ENGINE = ReplacingMergeTree(pass)
ORDER BY (name, zone, series_id, day)
SETTINGS index_granularity = 1024, ratio_of_defaults_for_sparse_serialization = 1;

-- Inserts into metrics have numbers and show themselves in their order (010). A pass takes those after the last one's, as many as have two
-- million rows, and makes their days anew. It is one insert of one block into a table without partitions, hence one part: all of it is
-- there or nothing, the days and how far they reach. ClickHouse makes a scalar subquery once in a query, so both mean the same inserts.
CREATE MATERIALIZED VIEW IF NOT EXISTS rollup_pass
REFRESH EVERY 1 MINUTE APPEND TO rollup AS
WITH (
    SELECT CAST((groupArray(r.zone), groupArray(r.upto)), 'Map(String, UInt64)') FROM rollup AS r FINAL WHERE r.name = ''
) AS done, (
    SELECT CAST((groupArray(t.kept), groupArray(t.upto)), 'Map(String, UInt64)')
    FROM (
        SELECT n.kept AS kept, max(n.number) AS upto
        FROM (
            SELECT m._partition_id AS kept, m._block_number AS number, sum(count()) OVER (ORDER BY kept, number) - count() AS before
            FROM metrics AS m
            WHERE toUInt64(splitByChar('_', m._part)[3]) > done[m._partition_id] AND m._block_number > done[m._partition_id]
            GROUP BY kept, number
        ) AS n WHERE n.before < 2000000 GROUP BY n.kept
    ) AS t
) AS taken, (
    SELECT max(r.pass) + 1 FROM rollup AS r WHERE r.name = ''
) AS this
SELECT d.name AS name, d.zone AS zone, d.series_id AS series_id, d.day AS day, toUInt32(length(d.points)) AS count, arraySum(d.points.value) AS sum,
       arrayMin(d.points.value) AS min, arrayMax(d.points.value) AS max, arrayMin(d.points.valid) AS valid, arrayMin(d.points.status) AS zone_status,
       fromUnixTimestamp64Micro(toInt64(arrayMax(d.points.known)), 'UTC') AS knowledge_time,
       arrayMap(h -> (h, toUInt32(countEqual(d.points.hour, h)), arraySum((a, v) -> if(a = h, v, 0), d.points.hour, d.points.value),
           arrayMin((a, v) -> if(a = h, v, 1), d.points.hour, d.points.valid), arrayMin((a, v) -> if(a = h, v, 2), d.points.hour, d.points.status)),
           arrayDistinct(d.points.hour)) AS hours,
       this AS pass, toUInt64(0) AS upto
FROM (
    SELECT any(p.name) AS name, any(p.zone) AS zone, p.series_id AS series_id, toDate(p.timestamp) AS day,
           groupArrayIf(CAST((toHour(p.timestamp), p.value, bitTest(p.rank, 62), bitAnd(bitShiftRight(p.rank, 60), 3), bitAnd(p.rank, 0x0FFFFFFFFFFFFFFF)),
               'Tuple(hour UInt8, value Float64, valid UInt8, status UInt8, known UInt64)'), NOT p.retracted) AS points
    FROM (
        SELECT m.name AS name, m.zone AS zone, m.series_id AS series_id, m.timestamp AS timestamp, m.value AS value, m.retracted AS retracted, m.rank AS rank
        FROM metrics AS m FINAL
        WHERE (m.name, m.zone, m.series_id, toDate(m.timestamp)) IN (
            SELECT a.name, a.zone, a.series_id, toDate(a.timestamp) FROM metrics AS a
            WHERE toUInt64(splitByChar('_', a._part)[3]) > done[a._partition_id]
              AND a._block_number > done[a._partition_id] AND a._block_number <= taken[a._partition_id])
        ORDER BY m.name, m.zone, m.series_id, m.timestamp, m.rank DESC LIMIT 1 BY m.name, m.zone, m.series_id, m.timestamp
    ) AS p GROUP BY p.series_id, day
) AS d
UNION ALL
SELECT '', u.1, 0, toDate(0), 0, 0, 0, 0, 1, 2, toDateTime64(0, 6, 'UTC'), [], this, u.2
FROM (SELECT arrayJoin(CAST(taken, 'Array(Tuple(String, UInt64))')) AS u)
SETTINGS min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 0, max_insert_threads = 1,
    do_not_merge_across_partitions_select_final = 1;

-- SELECT … FROM daily_metrics(name = 'zone_load', zones = ['ES'], start = '2026-01-01 00:00:00', end = '2027-01-01 00:00:00')
-- gives the days that touch [start, end), each as a whole, with the mean of its values as value.
CREATE VIEW IF NOT EXISTS daily_metrics AS
WITH toDate({start:DateTime('UTC')}) AS first_day, toDate({end:DateTime('UTC')} - 1) AS last_day, (
    SELECT CAST((groupArray(r.zone), groupArray(r.upto)), 'Map(String, UInt64)') FROM rollup AS r FINAL WHERE r.name = ''
) AS done, later AS (
    SELECT m.zone AS zone, m.series_id AS series_id, toDate(m.timestamp) AS day FROM metrics AS m
    WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.timestamp >= first_day AND m.timestamp < last_day + 1
      AND toUInt64(splitByChar('_', m._part)[3]) > done[m._partition_id] AND m._block_number > done[m._partition_id]
)
SELECT r.name AS name, r.zone AS zone, r.series_id AS series_id, toDateTime(r.day, 'UTC') AS timestamp, r.sum / r.count AS value, r.count AS count, r.sum AS sum,
       r.min AS min, r.max AS max, r.valid AS valid, r.zone_status AS zone_status, r.knowledge_time AS knowledge_time
FROM rollup AS r FINAL
WHERE r.name = {name:String} AND r.zone IN {zones:Array(String)} AND r.day >= first_day AND r.day <= last_day AND r.count > 0
  AND (r.zone, r.series_id, r.day) NOT IN later
UNION ALL
SELECT any(p.name), any(p.zone), p.series_id, toStartOfDay(toDateTime(p.timestamp)) AS moment, avg(p.value), toUInt32(count()), sum(p.value), min(p.value), max(p.value),
       toBool(min(bitTest(p.rank, 62))), CAST(toInt8(min(bitAnd(bitShiftRight(p.rank, 60), 3))), 'Enum8(\'missing\' = 0, \'preview\' = 1, \'complete\' = 2)'),
       fromUnixTimestamp64Micro(toInt64(max(bitAnd(p.rank, 0x0FFFFFFFFFFFFFFF))), 'UTC')
FROM (
    SELECT m.name AS name, m.zone AS zone, m.series_id AS series_id, m.timestamp AS timestamp, m.value AS value, m.retracted AS retracted, m.rank AS rank
    FROM metrics AS m FINAL
    WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.timestamp >= first_day AND m.timestamp < last_day + 1
      AND (m.zone, m.series_id, toDate(m.timestamp)) IN later
    ORDER BY m.zone, m.series_id, m.timestamp, m.rank DESC LIMIT 1 BY m.zone, m.series_id, m.timestamp
) AS p WHERE NOT p.retracted GROUP BY p.series_id, moment
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same by the hour.
CREATE VIEW IF NOT EXISTS hourly_metrics AS
WITH toDate({start:DateTime('UTC')}) AS first_day, toDate({end:DateTime('UTC')} - 1) AS last_day, (
    SELECT CAST((groupArray(r.zone), groupArray(r.upto)), 'Map(String, UInt64)') FROM rollup AS r FINAL WHERE r.name = ''
) AS done, later AS (
    SELECT m.zone AS zone, m.series_id AS series_id, toDate(m.timestamp) AS day FROM metrics AS m
    WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.timestamp >= first_day AND m.timestamp < last_day + 1
      AND toUInt64(splitByChar('_', m._part)[3]) > done[m._partition_id] AND m._block_number > done[m._partition_id]
)
SELECT h.name AS name, h.zone AS zone, h.series_id AS series_id, h.timestamp AS timestamp, h.sum / h.count AS value, h.count AS count, h.sum AS sum,
       h.valid AS valid, h.zone_status AS zone_status
FROM (
    SELECT r.name AS name, r.zone AS zone, r.series_id AS series_id, toDateTime(r.day, 'UTC') + toIntervalHour(o.hour) AS timestamp, o.count AS count, o.sum AS sum,
           o.valid AS valid, o.zone_status AS zone_status
    FROM rollup AS r FINAL ARRAY JOIN r.hours AS o
    WHERE r.name = {name:String} AND r.zone IN {zones:Array(String)} AND r.day >= first_day AND r.day <= last_day
      AND (r.zone, r.series_id, r.day) NOT IN later
    UNION ALL
    SELECT any(p.name), any(p.zone), p.series_id, toStartOfHour(toDateTime(p.timestamp)) AS moment, toUInt32(count()), sum(p.value),
           toBool(min(bitTest(p.rank, 62))), CAST(toInt8(min(bitAnd(bitShiftRight(p.rank, 60), 3))), 'Enum8(\'missing\' = 0, \'preview\' = 1, \'complete\' = 2)')
    FROM (
        SELECT m.name AS name, m.zone AS zone, m.series_id AS series_id, m.timestamp AS timestamp, m.value AS value, m.retracted AS retracted, m.rank AS rank
        FROM metrics AS m FINAL
        WHERE m.name = {name:String} AND m.zone IN {zones:Array(String)} AND m.timestamp >= first_day AND m.timestamp < last_day + 1
          AND (m.zone, m.series_id, toDate(m.timestamp)) IN later
        ORDER BY m.zone, m.series_id, m.timestamp, m.rank DESC LIMIT 1 BY m.zone, m.series_id, m.timestamp
    ) AS p WHERE NOT p.retracted GROUP BY p.series_id, moment
) AS h
WHERE h.timestamp >= toStartOfHour({start:DateTime('UTC')}) AND h.timestamp < {end:DateTime('UTC')}
SETTINGS do_not_merge_across_partitions_select_final = 1;
