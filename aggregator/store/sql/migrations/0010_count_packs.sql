-- Counts of days gone by, a month of a line in one row: years of them are read in a few thousand rows instead of
-- millions, and take a tenth of the space. What comes late goes to counts as ever and is packed later; the truth is
-- the sum of both. aggregator/store/packing.py says how cells are written.
CREATE TABLE count_packs (
    producer_id   int         NOT NULL,
    revision      int         NOT NULL,
    line          int         NOT NULL,
    month         date        NOT NULL,
    crossings     bigint      NOT NULL,
    first_quarter timestamptz NOT NULL,
    last_quarter  timestamptz NOT NULL,
    cells         bytea       NOT NULL,
    PRIMARY KEY (producer_id, revision, line, month)
);
ALTER TABLE count_packs ALTER COLUMN cells SET STORAGE EXTERNAL;
CREATE INDEX count_packs_by_month ON count_packs (month);

-- The cells of a pack as rows, for whoever looks with psql.
CREATE FUNCTION unpack_counts(month date, cells bytea)
RETURNS TABLE (quarter timestamptz, direction smallint, crossings bigint) LANGUAGE sql IMMUTABLE AS $$
    WITH shape AS (
        SELECT get_byte(cells, 0) AS width, (length(cells) - 1) / (2 + get_byte(cells, 0)) AS n
    ), cell AS (
        SELECT get_byte(cells, 1 + 2 * i) + 256 * get_byte(cells, 2 + 2 * i) AS slot,
               (SELECT sum(get_byte(cells, 1 + 2 * n + width * i + b) * (256::numeric ^ b))
                FROM generate_series(0, width - 1) b)::bigint AS crossings
        FROM shape, generate_series(0, n - 1) i
    )
    SELECT month::timestamp AT TIME ZONE 'UTC' + (slot / 2) * interval '15 minutes', (slot % 2 + 1)::smallint, crossings
    FROM cell
$$;
