-- Counts of all lines over a range of time.
CREATE INDEX counts_by_quarter ON counts (quarter);
