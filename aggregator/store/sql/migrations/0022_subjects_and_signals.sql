-- An alert is of a subject (a line, a camera, a box …) and a condition, no longer of a line alone; names are written into it
-- when it is raised.
SET LOCAL statement_timeout = 0;
ALTER TABLE alerts RENAME COLUMN kind TO condition;
ALTER TABLE alerts
    ADD COLUMN subject   text        NOT NULL DEFAULT 'line',
    ADD COLUMN site      text        NOT NULL DEFAULT '',
    ADD COLUMN agent     text        NOT NULL DEFAULT '',
    ADD COLUMN camera    text        NOT NULL DEFAULT '',
    ADD COLUMN name      text        NOT NULL DEFAULT '',
    ADD COLUMN detail    jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN joined_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN ended_at  timestamptz,
    ADD COLUMN quiet     boolean     NOT NULL DEFAULT false;
UPDATE alerts a SET
    subject = CASE WHEN a.condition IN ('tripwire', 'list_hit') THEN 'line' ELSE 'zone' END,
    site = p.site, agent = p.agent,
    camera = coalesce(c.name, 'camera ' || l.camera, '?'),
    name = coalesce(l.name, 'line ' || a.line),
    detail = jsonb_strip_nulls(jsonb_build_object(
        'direction', nullif(a.direction, ''),
        'place', CASE WHEN l.line IS NULL THEN jsonb_build_array(a.producer_id, a.revision, a.line) END
    )),
    joined_at = a.raised_at
FROM producers p, alerts b
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (b.producer_id, b.revision, b.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (b.producer_id, b.revision, l.camera)
WHERE p.id = a.producer_id AND b.id = a.id;
ALTER TABLE alerts ALTER COLUMN subject DROP DEFAULT;
CREATE INDEX alerts_by_box ON alerts (site, agent, id);

DROP VIEW alert_views;
ALTER TABLE alerts DROP COLUMN producer_id, DROP COLUMN revision, DROP COLUMN line, DROP COLUMN direction;
-- An alert as people see it. Of the pictures the first and the newest 19. Where an alarm came before the configuration that
-- names its line, `place` says which line it is: producer, revision and number.
CREATE VIEW alert_views AS
SELECT
    a.id, a.condition, a.priority, a.subject, a.site, a.agent,
    coalesce(c.name, 'camera ' || l.camera, a.camera) AS camera, coalesce(l.name, a.name) AS name, a.detail - 'place' AS detail,
    a.first_at, a.last_at, a.confirmed_at, a.raised_at, a.ended_at, a.quiet, a.members,
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
LEFT JOIN config_lines l ON a.detail ? 'place' AND (l.producer_id, l.revision, l.line)
    = ((a.detail -> 'place' ->> 0)::int, (a.detail -> 'place' ->> 1)::int, (a.detail -> 'place' ->> 2)::int)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (l.producer_id, l.revision, l.camera);

-- What ingest leaves are events, which judges read; other judges leave signals.
ALTER TABLE inbox ADD COLUMN form text NOT NULL DEFAULT 'events' CHECK (form IN ('events', 'signals'));

-- What is, or was of late, the matter with a subject, of conditions that clear themselves. `due_at`: when it rings, or when
-- its alert ends. `told_…`: the event that the newest word was read from.
CREATE TABLE conditions (
    subject   text        NOT NULL,
    site      text        NOT NULL,
    agent     text        NOT NULL,
    camera    text        NOT NULL,
    name      text        NOT NULL,
    condition text        NOT NULL,
    active    boolean     NOT NULL,
    since     timestamptz NOT NULL,
    told_at   timestamptz NOT NULL,
    due_at    timestamptz,
    told_producer int,
    told_lane     smallint,
    told_seq      bigint,
    priority  smallint    NOT NULL,
    detail    jsonb       NOT NULL,
    alert_id  bigint REFERENCES alerts ON DELETE SET NULL,
    PRIMARY KEY (subject, site, agent, camera, name, condition)
);
CREATE INDEX conditions_due ON conditions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX conditions_by_alert ON conditions (alert_id) WHERE alert_id IS NOT NULL;
