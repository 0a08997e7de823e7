-- Call records in ClickHouse (docs/shipping.md). Run it once:  clickhouse-client --multiquery < 01-records.sql
-- The same record may come more than once: it has the same key then, and counts once in every view below.

CREATE DATABASE IF NOT EXISTS trunkward;

CREATE TABLE IF NOT EXISTS trunkward.records
(
    ts            DateTime64(3, 'UTC'),
    event         LowCardinality(String),           -- call.verdict, call.end, gap
    node          LowCardinality(String),
    seq           UInt64,
    hash          FixedString(64),
    call_id       String,
    trunk         LowCardinality(String),
    customer      LowCardinality(String),
    source        String,
    caller        String,
    called        String,
    mode          LowCardinality(String),
    verdict       LowCardinality(String),           -- pass, reject, replace
    enforced      Bool,
    emergency     Bool,
    rules         Array(LowCardinality(String)),    -- each broken rule once
    status        Nullable(UInt16),
    attestation   LowCardinality(String),
    identity      LowCardinality(String),           -- passed, failed, unknown, missing; empty without
    next_hop      LowCardinality(String),
    callee_trunk  LowCardinality(String),
    elapsed_us    UInt32,
    answered      Bool,
    ring_ms       UInt32,
    duration_ms   UInt32,
    ended_by      LowCardinality(String),
    lost          Nullable(UInt64),                 -- of a gap: how many records
    line          String CODEC(ZSTD(3))             -- the record, octet for octet
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ts)
ORDER BY (trunk, event, ts, node, seq, hash)
TTL toDate(ts) + INTERVAL 180 DAY
SETTINGS ttl_only_drop_parts = 1;

-- What comes in as lines is taken apart; a line that is no record is left out. Whatever reads the stream writes here.
CREATE TABLE IF NOT EXISTS trunkward.lines (line String) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS trunkward.lines_to_records TO trunkward.records AS
SELECT
    parseDateTime64BestEffort(JSONExtractString(line, 'ts'), 3, 'UTC') AS ts,
    JSONExtractString(line, 'event') AS event,
    JSONExtractString(line, 'node') AS node,
    JSONExtractUInt(line, 'seq') AS seq,
    toFixedString(JSONExtractString(line, 'hash'), 64) AS hash,
    JSONExtractString(line, 'call_id') AS call_id,
    JSONExtractString(line, 'trunk') AS trunk,
    JSONExtractString(line, 'customer') AS customer,
    JSONExtractString(line, 'source') AS source,
    JSONExtractString(line, 'caller') AS caller,
    JSONExtractString(line, 'called') AS called,
    JSONExtractString(line, 'mode') AS mode,
    JSONExtractString(line, 'verdict') AS verdict,
    JSONExtractBool(line, 'enforced') AS enforced,
    JSONExtractBool(line, 'emergency') AS emergency,
    arrayDistinct(arrayMap(each -> JSONExtractString(each, 'rule'), JSONExtractArrayRaw(line, 'findings'))) AS rules,
    JSONExtract(line, 'status', 'Nullable(UInt16)') AS status,
    JSONExtractString(line, 'attestation') AS attestation,
    JSONExtractString(line, 'identity', 'result') AS identity,
    JSONExtractString(line, 'next_hop') AS next_hop,
    JSONExtractString(line, 'callee_trunk') AS callee_trunk,
    JSONExtract(line, 'elapsed_us', 'UInt32') AS elapsed_us,
    JSONExtractBool(line, 'answered') AS answered,
    JSONExtract(line, 'ring_ms', 'UInt32') AS ring_ms,
    JSONExtract(line, 'duration_ms', 'UInt32') AS duration_ms,
    JSONExtractString(line, 'ended_by') AS ended_by,
    JSONExtract(line, 'lost', 'Nullable(UInt64)') AS lost,
    line
FROM trunkward.lines
WHERE JSONExtractUInt(line, 'v') = 1 AND length(JSONExtractString(line, 'hash')) = 64
    AND parseDateTime64BestEffortOrNull(JSONExtractString(line, 'ts'), 3, 'UTC') IS NOT NULL;

-- Calls that broke a rule, by minute, trunk and rule; enforced 0: mode monitor let them pass.
CREATE TABLE IF NOT EXISTS trunkward.rejects_by_minute
(
    minute    DateTime('UTC'),
    trunk     LowCardinality(String),
    rule      LowCardinality(String),
    enforced  Bool,
    calls     AggregateFunction(uniqExact, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (trunk, rule, enforced, minute)
TTL toDate(minute) + INTERVAL 180 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS trunkward.records_to_rejects TO trunkward.rejects_by_minute AS
SELECT toStartOfMinute(ts) AS minute, trunk, rule, enforced, uniqExactState(cityHash64(hash)) AS calls
FROM trunkward.records
ARRAY JOIN rules AS rule
WHERE event = 'call.verdict' AND verdict = 'reject'
GROUP BY minute, trunk, rule, enforced;

CREATE VIEW IF NOT EXISTS trunkward.rejects AS
SELECT minute, trunk, rule, enforced, uniqExactMerge(calls) AS calls
FROM trunkward.rejects_by_minute
GROUP BY minute, trunk, rule, enforced;

-- Numbers that break rules, by day; top ones: ORDER BY calls DESC LIMIT 20.
CREATE TABLE IF NOT EXISTS trunkward.offenders_by_day
(
    day       Date,
    trunk     LowCardinality(String),
    customer  LowCardinality(String),
    caller    String,
    calls     AggregateFunction(uniqExact, UInt64),
    rules     AggregateFunction(groupUniqArrayArray, Array(String)),
    last      SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (trunk, customer, caller, day)
TTL day + INTERVAL 180 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS trunkward.records_to_offenders TO trunkward.offenders_by_day AS
SELECT
    toDate(ts) AS day, trunk, customer, caller,
    uniqExactState(cityHash64(hash)) AS calls,
    groupUniqArrayArrayState(arrayMap(rule -> toString(rule), rules)) AS rules,
    max(ts) AS last
FROM trunkward.records
WHERE event = 'call.verdict' AND verdict = 'reject'
GROUP BY day, trunk, customer, caller;

CREATE VIEW IF NOT EXISTS trunkward.offenders AS
SELECT day, trunk, customer, caller, uniqExactMerge(calls) AS calls, groupUniqArrayArrayMerge(rules) AS rules, max(last) AS last
FROM trunkward.offenders_by_day
GROUP BY day, trunk, customer, caller;

-- Traffic of each trunk by hour, from the records themselves: each once (FINAL).
CREATE VIEW IF NOT EXISTS trunkward.traffic AS
SELECT
    toStartOfHour(ts) AS hour, trunk,
    countIf(event = 'call.verdict') AS calls,
    countIf(event = 'call.verdict' AND verdict = 'reject' AND enforced) AS rejected,
    countIf(event = 'call.verdict' AND verdict = 'reject' AND NOT enforced) AS would_reject,
    countIf(event = 'call.end' AND answered) AS answered,
    round(sumIf(duration_ms, event = 'call.end') / 60000, 1) AS minutes
FROM trunkward.records FINAL
WHERE event != 'gap'
GROUP BY hour, trunk;

-- Records that are known to be lost, and those that have not come (yet): seq counts without holes in each chain.
CREATE VIEW IF NOT EXISTS trunkward.gaps AS
SELECT ts, node, seq, lost, JSONExtractString(line, 'reason') AS reason, JSONExtractString(line, 'since') AS since
FROM trunkward.records FINAL
WHERE event = 'gap';
