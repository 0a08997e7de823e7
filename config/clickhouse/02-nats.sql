-- From the stream into trunkward.lines (docs/shipping.md). Needs a ClickHouse whose NATS engine knows JetStream (the
-- settings nats_stream and nats_consumer_name), and a durable pull consumer that acknowledges:
--   nats consumer add TRUNKWARD clickhouse --pull --deliver all --ack explicit --max-pending 100000 --defaults
-- Edit the address, and how ClickHouse proves who it is (nats_credential_file, or nats_username and nats_password).

CREATE TABLE IF NOT EXISTS trunkward.stream (line String)
ENGINE = NATS
SETTINGS
    nats_url = '127.0.0.1:4222',
    nats_stream = 'TRUNKWARD',
    nats_consumer_name = 'clickhouse',
    nats_subjects = 'trunkward.>',
    nats_format = 'RawBLOB';

CREATE MATERIALIZED VIEW IF NOT EXISTS trunkward.stream_to_lines TO trunkward.lines AS
SELECT line FROM trunkward.stream;
