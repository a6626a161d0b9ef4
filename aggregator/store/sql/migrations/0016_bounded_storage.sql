-- What is kept for a while and then deleted is found by when it came, by our clock: no time that a box tells opens or
-- closes it.
ALTER TABLE evidence ADD COLUMN announced_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX alerts_by_clearing ON alerts (cleared_at) WHERE cleared_at IS NOT NULL;
CREATE INDEX dead_letters_by_time ON dead_letters (recv_at);
CREATE INDEX deliveries_by_alert ON deliveries (alert_id);
CREATE INDEX gaps_by_time ON gaps (recorded_at);

-- From when on a picture counts as old: from when it was announced, came, or the last of its alerts was cleared. One
-- alert that is open keeps it, however many others share it.
CREATE VIEW picture_ends AS
SELECT e.sha256, e.size, e.stored_at, greatest(e.announced_at, e.stored_at, max(a.cleared_at)) AS ended_at,
       coalesce(bool_or(a.id IS NOT NULL AND a.cleared_at IS NULL), false) AS open
FROM evidence e
LEFT JOIN evidence_of o USING (sha256)
LEFT JOIN alert_members m USING (producer_id, lane, seq)
LEFT JOIN alerts a ON a.id = m.alert_id
GROUP BY e.sha256;
