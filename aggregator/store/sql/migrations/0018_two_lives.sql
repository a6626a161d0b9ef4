-- When two lives of one name were seen last: neither can confirm that nothing happens.
ALTER TABLE agents ADD COLUMN doubled_at timestamptz;
