-- What was stored of each lane, counted in the transactions that store it: nobody has to walk through all events for it.
-- `alarms` want an alert; of those in alerts that were deleted since, `alarms_forgotten` says how many they were.
ALTER TABLE cursors
    ADD COLUMN stored           bigint NOT NULL DEFAULT 0,
    ADD COLUMN alarms           bigint NOT NULL DEFAULT 0,
    ADD COLUMN alarms_forgotten bigint NOT NULL DEFAULT 0;
SET LOCAL statement_timeout = 0;
UPDATE cursors SET stored = found.stored, alarms = found.alarms
FROM (
    SELECT producer_id, lane, count(*) AS stored, count(*) FILTER (WHERE lane = 0 AND kind IN (1, 6, 7)) AS alarms
    FROM events GROUP BY producer_id, lane
) found
WHERE (cursors.producer_id, cursors.lane) = (found.producer_id, found.lane);
