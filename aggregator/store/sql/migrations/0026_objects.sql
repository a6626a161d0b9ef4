-- What crossed a line: 0 where nothing looked, otherwise a number of shared/objects.py. The sum over all is as before.
ALTER TABLE events ADD COLUMN object smallint;
ALTER TABLE counts ADD COLUMN object smallint NOT NULL DEFAULT 0;
ALTER TABLE counts DROP CONSTRAINT counts_pkey;
ALTER TABLE counts ADD PRIMARY KEY (producer_id, revision, line, object, direction, quarter);
ALTER TABLE count_packs ADD COLUMN object smallint NOT NULL DEFAULT 0;
ALTER TABLE count_packs DROP CONSTRAINT count_packs_pkey;
ALTER TABLE count_packs ADD PRIMARY KEY (producer_id, revision, line, month, object);
DROP INDEX count_packs_totals;
CREATE INDEX count_packs_totals ON count_packs (month, producer_id, revision, line)
    INCLUDE (object, crossings, first_quarter, last_quarter);
