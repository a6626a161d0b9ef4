-- Producers and what has been received of each ---------------------------------------------------------------------

CREATE TABLE producers (
    id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site          text        NOT NULL,
    agent         text        NOT NULL,
    epoch         bigint      NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (site, agent, epoch)
);

-- Everything up to contiguous is settled; above holds what came early; missing what was settled without having come.
CREATE TABLE cursors (
    producer_id int            NOT NULL REFERENCES producers,
    lane        smallint       NOT NULL,
    contiguous  bigint         NOT NULL DEFAULT 0,
    above       int8multirange NOT NULL DEFAULT '{}',
    missing     int8multirange NOT NULL DEFAULT '{}',
    updated_at  timestamptz    NOT NULL DEFAULT now(),
    PRIMARY KEY (producer_id, lane)
);

CREATE TABLE gaps (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    producer_id int         NOT NULL REFERENCES producers,
    lane        smallint    NOT NULL,
    first       bigint      NOT NULL,
    last        bigint      NOT NULL,
    reason      text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- Events -----------------------------------------------------------------------------------------------------------

-- No unique index: the cursor makes sure that a number is stored once (docs/adr/0003).
CREATE TABLE events (
    event_at     timestamptz NOT NULL,
    device_at    timestamptz,
    recv_at      timestamptz NOT NULL,
    producer_id  int         NOT NULL,
    seq          bigint      NOT NULL,
    crc          bigint      NOT NULL,
    lane         smallint    NOT NULL,
    kind         smallint    NOT NULL,
    time_quality smallint    NOT NULL,
    body         bytea       NOT NULL
);
CREATE INDEX events_by_time ON events (event_at);

CREATE TABLE dead_letters (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recv_at timestamptz NOT NULL,
    topic   text        NOT NULL,
    reason  text        NOT NULL,
    detail  text        NOT NULL,
    payload bytea       NOT NULL
);

CREATE TABLE counts (
    producer_id int         NOT NULL,
    revision    int         NOT NULL,
    line        int         NOT NULL,
    direction   smallint    NOT NULL,
    quarter     timestamptz NOT NULL,
    crossings   bigint      NOT NULL,
    PRIMARY KEY (producer_id, revision, line, direction, quarter)
);

CREATE TABLE counters (
    worker text   NOT NULL,
    name   text   NOT NULL,
    label  text   NOT NULL,
    value  bigint NOT NULL,
    PRIMARY KEY (worker, name, label)
);

-- What the boxes are and watch -------------------------------------------------------------------------------------

CREATE TABLE config_cameras (
    producer_id int  NOT NULL REFERENCES producers,
    revision    int  NOT NULL,
    camera      int  NOT NULL,
    name        text NOT NULL,
    PRIMARY KEY (producer_id, revision, camera)
);

CREATE TABLE config_lines (
    producer_id int      NOT NULL REFERENCES producers,
    revision    int      NOT NULL,
    line        int      NOT NULL,
    camera      int      NOT NULL,
    name        text     NOT NULL,
    points      jsonb    NOT NULL,
    direction   text     NOT NULL,
    priority    smallint NOT NULL,
    PRIMARY KEY (producer_id, revision, line)
);

CREATE TABLE agents (
    site              text             NOT NULL,
    agent             text             NOT NULL,
    epoch             bigint           NOT NULL DEFAULT 0,
    session           bigint           NOT NULL DEFAULT 0,
    version           text             NOT NULL DEFAULT '',
    health_interval_s double precision NOT NULL DEFAULT 30 CHECK (health_interval_s BETWEEN 1 AND 3600),
    born_at           timestamptz,
    last_seen_at      timestamptz,
    health            jsonb,
    state             text             NOT NULL DEFAULT 'unknown',
    state_since       timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent)
);

-- Alerts -----------------------------------------------------------------------------------------------------------

-- Left by ingest in the transaction that stored the events, deleted in the one that raises the alerts.
CREATE TABLE inbox (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    late boolean NOT NULL,
    body bytea   NOT NULL
);
CREATE INDEX inbox_fresh_first ON inbox (late, id);

CREATE TABLE alerts (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text        NOT NULL,
    kind            text        NOT NULL,
    priority        smallint    NOT NULL,
    producer_id     int         NOT NULL REFERENCES producers,
    revision        int         NOT NULL,
    line            int         NOT NULL,
    direction       text        NOT NULL,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    confirmed_at    timestamptz NOT NULL,
    raised_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    members         int         NOT NULL DEFAULT 1,
    acknowledged_at timestamptz,
    acknowledged_by text,
    cleared_at      timestamptz,
    cleared_by      text,
    verdict         text CHECK (verdict IN ('true', 'false', 'test'))
);
CREATE INDEX alerts_by_key ON alerts (key, last_at);
CREATE INDEX alerts_open ON alerts (id) WHERE cleared_at IS NULL;

CREATE TABLE alert_members (
    producer_id int         NOT NULL,
    lane        smallint    NOT NULL,
    seq         bigint      NOT NULL,
    alert_id    bigint      NOT NULL REFERENCES alerts,
    event_at    timestamptz NOT NULL,
    reason      text        NOT NULL,
    PRIMARY KEY (producer_id, lane, seq)
);
CREATE INDEX alert_members_by_alert ON alert_members (alert_id);

CREATE TABLE evidence (
    sha256    bytea PRIMARY KEY CHECK (length(sha256) = 32),
    size      int         NOT NULL,
    taken_at  timestamptz NOT NULL,
    stored_at timestamptz
);

CREATE TABLE evidence_of (
    producer_id int      NOT NULL,
    lane        smallint NOT NULL,
    seq         bigint   NOT NULL,
    sha256      bytea    NOT NULL REFERENCES evidence,
    arrived_at  timestamptz,
    PRIMARY KEY (producer_id, lane, seq, sha256)
);
CREATE INDEX evidence_of_by_sha256 ON evidence_of (sha256);

CREATE TABLE deliveries (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook      text        NOT NULL,
    alert_id     bigint      NOT NULL REFERENCES alerts,
    body         bytea       NOT NULL,
    attempts     int         NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    given_up_at  timestamptz,
    last_error   text
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- What operators' pages hear, in the order of commits --------------------------------------------------------------

CREATE SEQUENCE feed_ids;
CREATE TABLE feed (
    id      bigint PRIMARY KEY,
    topic   text        NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    message text        NOT NULL
);

CREATE TABLE services (
    name         text PRIMARY KEY,
    heartbeat_at timestamptz NOT NULL,
    broker_since timestamptz
);

-- An alert as people see it: numbers replaced by names, pictures that have arrived beside it.
CREATE VIEW alert_views AS
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
    ) AS evidence
FROM alerts a
JOIN producers p ON p.id = a.producer_id
LEFT JOIN config_lines l ON (l.producer_id, l.revision, l.line) = (a.producer_id, a.revision, a.line)
LEFT JOIN config_cameras c ON (c.producer_id, c.revision, c.camera) = (a.producer_id, a.revision, l.camera);
