-- What arrives: one row per message, never stored. Plain types, because Avro parses into them fastest; views cast whole columns.
CREATE TABLE IF NOT EXISTS metrics_ingest
(
    -- where it came from
    topic          String,
    topic_id       String,                  -- Kafka's topic id; '' from the Kafka engine; a uuid of the call from a direct writer
    `partition`    Int32,
    `offset`       Int64,                   -- a direct writer counts its rows
    kafka_time     DateTime64(3, 'UTC'),    -- the broker's timestamp
    claim_first    Int64,                   -- the claimed range [claim_first, claim_next) that this message belongs to,
    claim_next     Int64,
    claim_messages Int64,                   -- and how many messages that range holds
    frame_end      FixedString(4) DEFAULT 'end.',   -- the consumer writes it behind each body: a body with junk behind it shows here
    -- the message
    name           String,
    value          Nullable(Float64),       -- NULL withdraws the value
    timestamp      DateTime64(6, 'UTC'),
    labels         Map(String, String),
    knowledge_time DateTime64(6, 'UTC'),
    valid          Bool DEFAULT true,       -- a default here equals the default in the Avro schema
    zone_status    String DEFAULT 'complete',
    data_state     String DEFAULT '',
    attributes     Map(String, String) DEFAULT map(),
    -- or what a feeder refused
    refused_by_feeder String DEFAULT '',    -- the reason; then raw, key, headers and detail are set and the message columns are not
    detail         String DEFAULT '',
    raw            String DEFAULT '',
    key            String DEFAULT '',
    headers        Map(String, String) DEFAULT map(),
    -- what follows from it
    zone           String MATERIALIZED labels['zone'],
    label_text     String MATERIALIZED concat(arrayStringConcat(mapKeys(labels)), arrayStringConcat(mapValues(labels))),
    -- Avro keeps the order in which labels were sent: sort, or one series gets several ids.
    series_id      UInt64 MATERIALIZED cityHash64(name, arraySort(CAST(labels, 'Array(Tuple(String, String))'))),
    status         UInt8  MATERIALIZED multiIf(zone_status = 'complete', 2, zone_status = 'preview', 1, 0),
    -- Greatest rank is current: valid, then status, then knowledge_time. A static order, so merges, views and reads agree.
    rank           UInt64 MATERIALIZED bitOr(bitOr(bitShiftLeft(toUInt64(valid), 62), bitShiftLeft(toUInt64(status), 60)),
                                             toUInt64(toUnixTimestamp64Micro(knowledge_time))),
    -- Deterministic, or a retry could decide otherwise: no now() here.
    refusal        String MATERIALIZED multiIf(
                       refused_by_feeder != '', refused_by_feeder,
                       frame_end != 'end.', 'bytes behind the record',
                       name = '' OR length(name) > 200 OR NOT isValidUTF8(name), 'bad name',
                       length(labels) > 64 OR length(label_text) > 4096 OR NOT isValidUTF8(label_text), 'bad labels',
                       labels['zone'] = '' AND name IN ('zone_generation', 'zone_import', 'zone_export', 'zone_load', 'zone_mix_generation',
                           'local_footprint', 'global_footprint', 'local_impact', 'global_impact', 'local_score', 'global_score', 'flow_share',
                           'mix_share', 'footprint_share', 'impact_share'), 'no zone',
                       NOT isFinite(ifNull(value, 0)), 'value not finite',
                       zone_status NOT IN ('complete', 'preview', 'missing'), 'unknown zone_status',
                       -- Fewer than 100 years, or hostile timestamps in one insert make more partitions than ClickHouse takes.
                       timestamp < '1970-01-01 00:00:00' OR timestamp >= '2065-01-01 00:00:00', 'timestamp out of range',
                       knowledge_time < '1970-01-01 00:00:00' OR knowledge_time > kafka_time + INTERVAL 1 DAY, 'knowledge_time out of range',
                       '')
)
ENGINE = Null;
