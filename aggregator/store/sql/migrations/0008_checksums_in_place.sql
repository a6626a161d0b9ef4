-- Checksums are changed in place, a few bytes at a time, so there are always as many as are kept.
ALTER TABLE cursors ALTER COLUMN checksums SET DEFAULT decode(repeat('00', 1024), 'hex');
UPDATE cursors SET checksums = DEFAULT WHERE length(checksums) <> 1024;
