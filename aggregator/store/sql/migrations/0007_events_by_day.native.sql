-- Events by the day on which they happened, a partition each: a day goes as a whole, and questions touch few of them.
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
) PARTITION BY RANGE (event_at);
CREATE INDEX events_by_time ON events (event_at);
CREATE INDEX events_by_producer ON events (producer_id, event_at);

-- Have partitions for days (UTC). Ingest calls it before the first row of a day.
CREATE FUNCTION make_days(days date[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day  date;
    name text;
BEGIN
    FOREACH day IN ARRAY days LOOP
        name := 'events_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(4217003);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        -- Made first and attached then: that lets others write on meanwhile.
        EXECUTE format('CREATE TABLE %I (LIKE events)', name);
        EXECUTE format(
            'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
        );
    END LOOP;
END $$;

-- The days that are kept, and what each takes on disk.
CREATE FUNCTION kept_days() RETURNS TABLE (day date, bytes bigint, compressed boolean) LANGUAGE sql STABLE AS $$
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD'), pg_total_relation_size(c.oid), false
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'events'::regclass ORDER BY 1
$$;

-- Delete a day with everything in it.
CREATE FUNCTION drop_day(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'events_' || to_char(day, 'YYYYMMDD'));
END $$;

-- Compress a day; there is nothing to do without TimescaleDB.
CREATE FUNCTION compress_day(day date) RETURNS void LANGUAGE sql AS $$ SELECT $$;

SELECT make_days(array(SELECT DISTINCT (event_at AT TIME ZONE 'UTC')::date FROM events_before));
INSERT INTO events
SELECT event_at, device_at, recv_at, seq, crc, producer_id, NULL, NULL, NULL, lane, kind, time_quality, NULL, body
FROM events_before;
DROP TABLE events_before;
