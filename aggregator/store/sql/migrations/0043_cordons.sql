-- A cordon (快速封控): one plate at checkpoints around a place, at once, for hours; confirmed by a second person, or forgotten.
ALTER TABLE lists DROP CONSTRAINT lists_kind_check, DROP CONSTRAINT lists_state_check;
ALTER TABLE lists ADD CHECK (kind IN ('watch', 'known', 'cordon')),
    ADD CHECK (state IN ('draft', 'submitted', 'approved', 'refused', 'withdrawn', 'unconfirmed', 'lapsed'));
CREATE TABLE cordons (
    list       bigint PRIMARY KEY REFERENCES lists ON DELETE CASCADE,
    site       text        NOT NULL,
    confirm_by timestamptz NOT NULL,
    -- Of its plate, as only our key makes it; until it is over and that was told.
    mark       bytea,
    -- That it is over was written down, and of one that nobody confirmed the plate was barred.
    told       boolean     NOT NULL DEFAULT false
);
CREATE TABLE cordon_boxes (
    list  bigint NOT NULL REFERENCES cordons ON DELETE CASCADE,
    site  text   NOT NULL,
    agent text   NOT NULL,
    rank  int    NOT NULL,
    -- As the crow flies; NULL where either is at no known position.
    km    real,
    PRIMARY KEY (list, site, agent)
);
-- Plates of cordons that nobody confirmed, as marks that only our key makes: none of them is cordoned off again until then.
CREATE TABLE cordon_bars (
    mark  bytea PRIMARY KEY,
    until timestamptz NOT NULL
);
-- Events of hits that were forgotten: what comes of them later, such as a picture, is forgotten, too.
CREATE TABLE forgotten_hits (
    producer_id int      NOT NULL,
    lane        smallint NOT NULL,
    seq         bigint   NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer_id, lane, seq)
);
CREATE TABLE checkpoint_positions (
    site      text NOT NULL,
    agent     text NOT NULL,
    latitude  double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    -- The road that it stands at, and how far along it, counted from any end.
    road      text NOT NULL DEFAULT '',
    road_km   double precision,
    PRIMARY KEY (site, agent)
);
-- Hits are few among events, and looked for by themselves where a cordon lapses.
CREATE INDEX events_of_hits ON events (event_at) WHERE kind = 7;
-- What boxes shall hold now, and until when: a cordon that nobody has confirmed only for as long as it may wait for that.
CREATE VIEW lists_in_force AS
SELECT l.number, l.version, l.kind, l.priority, l.place, c.list IS NOT NULL AS is_cordon,
       least(l.ends_at, CASE WHEN l.state = 'unconfirmed' THEN c.confirm_by END) AS until_at
FROM lists l LEFT JOIN cordons c ON c.list = l.number
WHERE (l.state = 'approved' OR (l.state = 'unconfirmed' AND c.confirm_by > now())) AND l.ends_at > now();
