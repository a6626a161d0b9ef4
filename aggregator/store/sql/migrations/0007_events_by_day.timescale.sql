-- Events by the day on which they happened, a chunk of a hypertable each, compressed when a day is four days old.
-- Line, camera and priority stand beside the body, so that questions need not decode it.
ALTER TABLE events RENAME TO events_before;
DROP INDEX events_by_time;
CREATE TABLE events (
    event_at     timestamptz NOT NULL,
    device_at    timestamptz,
    recv_at      timestamptz NOT NULL,
    seq          bigint      NOT NULL,
    crc          bigint      NOT NULL,
    producer_id  int         NOT NULL,
    revision     int,
    line         int,
    camera       int,
    lane         smallint    NOT NULL,
    kind         smallint    NOT NULL,
    time_quality smallint    NOT NULL,
    priority     smallint,
    body         bytea       NOT NULL
);
SELECT create_hypertable('events', by_range('event_at', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX events_by_time ON events (event_at);
CREATE INDEX events_by_producer ON events (producer_id, event_at);
ALTER TABLE events SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'producer_id', timescaledb.compress_orderby = 'event_at, seq'
);

-- Chunks come by themselves.
CREATE FUNCTION make_days(days date[]) RETURNS void LANGUAGE sql AS $$ SELECT $$;

-- The days that are kept, and what each takes on disk.
CREATE FUNCTION kept_days() RETURNS TABLE (day date, bytes bigint, compressed boolean) LANGUAGE sql STABLE AS $$
    SELECT (c.range_start AT TIME ZONE 'UTC')::date, coalesce(d.total_bytes, 0), c.is_compressed
    FROM timescaledb_information.chunks c
    LEFT JOIN chunks_detailed_size('events') d USING (chunk_schema, chunk_name)
    WHERE c.hypertable_name = 'events' AND c.hypertable_schema = current_schema ORDER BY 1
$$;

-- Delete a day with everything in it.
CREATE FUNCTION drop_day(day date) RETURNS void LANGUAGE sql AS $$
    SELECT drop_chunks('events', older_than => (day + 1)::timestamp AT TIME ZONE 'UTC',
                       newer_than => day::timestamp AT TIME ZONE 'UTC');
$$;

-- Compress a day, once.
CREATE FUNCTION compress_day(day date) RETURNS void LANGUAGE sql AS $$
    SELECT compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass)
    FROM timescaledb_information.chunks
    WHERE hypertable_name = 'events' AND hypertable_schema = current_schema AND NOT is_compressed
      AND range_start = day::timestamp AT TIME ZONE 'UTC';
$$;

INSERT INTO events
SELECT event_at, device_at, recv_at, seq, crc, producer_id, NULL, NULL, NULL, lane, kind, time_quality, NULL, body
FROM events_before;
DROP TABLE events_before;
