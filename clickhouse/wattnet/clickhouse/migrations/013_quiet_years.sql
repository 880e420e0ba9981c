-- A year for which nothing arrived in six hours becomes one part. By itself ClickHouse leaves a large part and a tail of small ones side
-- by side for good (https://github.com/ClickHouse/ClickHouse/issues/88838), and FINAL has to look at all of them for every point. At
-- most every six hours a year is written anew so; one that is larger than the largest merge stays as it is.
ALTER TABLE metrics MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1,
    enable_max_bytes_limit_for_min_age_to_force_merge = 1;
