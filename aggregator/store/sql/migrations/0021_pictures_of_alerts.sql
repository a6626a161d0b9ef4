-- The pictures of each alert that have come, in their order: what an alert shows of them is found by the index and how
-- many there are is told by its row, so one with a hundred thousand is as quickly told as one with ten.
CREATE TABLE alert_pictures (
    alert_id bigint      NOT NULL,
    taken_at timestamptz NOT NULL,
    sha256   bytea       NOT NULL
);
SET LOCAL statement_timeout = 0;
INSERT INTO alert_pictures (alert_id, taken_at, sha256)
SELECT DISTINCT m.alert_id, e.taken_at, e.sha256
FROM alert_members m
JOIN evidence_of o USING (producer_id, lane, seq)
JOIN evidence e USING (sha256)
WHERE e.stored_at IS NOT NULL;
-- Keys behind the rows: row by row they take many times as long.
ALTER TABLE alert_pictures
    ADD PRIMARY KEY (alert_id, taken_at, sha256),
    ADD FOREIGN KEY (alert_id) REFERENCES alerts ON DELETE CASCADE,
    ADD FOREIGN KEY (sha256) REFERENCES evidence ON DELETE CASCADE;
CREATE INDEX alert_pictures_by_sha256 ON alert_pictures (sha256);
ALTER TABLE alerts ADD COLUMN pictures int NOT NULL DEFAULT 0;
UPDATE alerts SET pictures = found.number
FROM (SELECT alert_id, count(*) AS number FROM alert_pictures GROUP BY alert_id) found
WHERE alerts.id = found.alert_id;

-- Members page by page, in the order in which they happened.
DROP INDEX alert_members_by_alert;
CREATE INDEX alert_members_by_alert ON alert_members (alert_id, event_at, producer_id, lane, seq);

-- Of the pictures the first and the newest 19.
CREATE OR REPLACE VIEW alert_views AS
SELECT
    a.id, a.kind, a.priority, p.site, p.agent,
    coalesce(c.name, 'camera ' || l.camera, '?') AS camera,
    coalesce(l.name, 'line ' || a.line)          AS line,
    a.direction, a.first_at, a.last_at, a.confirmed_at, a.raised_at, a.members,
    a.acknowledged_at, a.acknowledged_by, a.cleared_at, a.cleared_by, a.verdict,
    ARRAY(
        SELECT encode(shown.sha256, 'hex') FROM (
            (SELECT taken_at, sha256 FROM alert_pictures WHERE alert_id = a.id ORDER BY alert_id, taken_at, sha256 LIMIT 1)
            UNION
            (SELECT taken_at, sha256 FROM alert_pictures WHERE alert_id = a.id
             ORDER BY alert_id DESC, taken_at DESC, sha256 DESC LIMIT 19)
        ) shown ORDER BY shown.taken_at, shown.sha256
    ) AS evidence,
    a.corrected_at, a.corrected_by, a.corrected_why, a.pictures
FROM alerts a
JOIN producers p ON p.id = a.producer_id
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (a.producer_id, a.revision, a.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (a.producer_id, a.revision, l.camera);
