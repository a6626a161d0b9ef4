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
-- Sums of all lines without their cells: which are the busiest?
CREATE INDEX count_packs_totals ON count_packs (month, producer_id, revision, line)
    INCLUDE (crossings, first_quarter, last_quarter);

-- The cells of a pack as rows, for whoever looks with psql.
CREATE FUNCTION unpack_counts(month date, cells bytea)
RETURNS TABLE (quarter timestamptz, direction smallint, crossings bigint) LANGUAGE sql IMMUTABLE AS $$
    WITH shape AS (
        SELECT get_byte(cells, 0) & 127 AS width, get_byte(cells, 0) >= 128 AS dense,
               (length(cells) - 1) / (2 + (get_byte(cells, 0) & 127)) AS listed
    ), slot AS (
        SELECT place, get_byte(cells, 1 + 2 * place) + 256 * get_byte(cells, 2 + 2 * place) AS slot
        FROM shape, generate_series(0, listed - 1) place WHERE NOT dense
        UNION ALL
        SELECT row_number() OVER (ORDER BY bit) - 1, bit
        FROM shape, generate_series(0, 5951) bit WHERE dense AND get_bit(cells, 8 + bit) = 1
    )
    SELECT month::timestamp AT TIME ZONE 'UTC' + (slot / 2) * interval '15 minutes', (slot % 2 + 1)::smallint,
           (SELECT sum(get_byte(cells, (1 + CASE WHEN dense THEN 744 ELSE 2 * listed END + width * place + b)::int)
                       * (256::numeric ^ b)) FROM generate_series(0, width - 1) b)::bigint
    FROM slot, shape
$$;
