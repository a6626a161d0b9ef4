-- What was said of an alert, in its order: given, taken back, corrected. The alert itself holds what counts now.
CREATE TABLE alert_verdicts (
    alert_id bigint      NOT NULL REFERENCES alerts ON DELETE CASCADE,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    by       text        NOT NULL,
    verdict  text CHECK (verdict IN ('true', 'false', 'test')),
    why      text        NOT NULL DEFAULT ''
);
CREATE INDEX alert_verdicts_of ON alert_verdicts (alert_id, at);
INSERT INTO alert_verdicts (alert_id, at, by, verdict)
SELECT id, cleared_at, coalesce(cleared_by, ''), verdict FROM alerts WHERE cleared_at IS NOT NULL;

ALTER TABLE alerts
    ADD COLUMN corrected_at  timestamptz,
    ADD COLUMN corrected_by  text,
    ADD COLUMN corrected_why text;

CREATE OR REPLACE VIEW alert_views AS
SELECT
    a.id, a.kind, a.priority, p.site, p.agent,
    coalesce(c.name, 'camera ' || l.camera, '?') AS camera,
    coalesce(l.name, 'line ' || a.line)          AS line,
    a.direction, a.first_at, a.last_at, a.confirmed_at, a.raised_at, a.members,
    a.acknowledged_at, a.acknowledged_by, a.cleared_at, a.cleared_by, a.verdict,
    ARRAY(
        SELECT encode(e.sha256, 'hex')
        FROM alert_members m
        JOIN evidence_of o USING (producer_id, lane, seq)
        JOIN evidence e USING (sha256)
        WHERE m.alert_id = a.id AND e.stored_at IS NOT NULL
        ORDER BY e.taken_at
    ) AS evidence,
    a.corrected_at, a.corrected_by, a.corrected_why
FROM alerts a
JOIN producers p ON p.id = a.producer_id
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (a.producer_id, a.revision, a.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (a.producer_id, a.revision, l.camera);
