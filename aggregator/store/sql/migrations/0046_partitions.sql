-- The boxes' own alarm panels: what is armed together, what was ordered, and which sensors are left out.
ALTER TABLE sensors
    ADD COLUMN battery_low boolean NOT NULL DEFAULT false,
    -- When it last found something: a walk test asks for that.
    ADD COLUMN answered_at timestamptz;

-- When each began and ceased to be fit to confirm anything: in alarm it is, tampered with or silent it is not.
CREATE TABLE sensor_fitness (
    site   text        NOT NULL,
    agent  text        NOT NULL,
    sensor text        NOT NULL,
    at     timestamptz NOT NULL,
    is_fit boolean     NOT NULL,
    PRIMARY KEY (site, agent, sensor, at)
);
CREATE INDEX sensor_fitness_by_time ON sensor_fitness (at);

CREATE TABLE partitions (
    site      text        NOT NULL,
    agent     text        NOT NULL,
    partition text        NOT NULL,
    state     text        NOT NULL,
    changed_by text       NOT NULL,
    hinders   text[]      NOT NULL,
    detail    text        NOT NULL,
    not_armed boolean     NOT NULL,
    -- How it should be armed, where it should be and is not; empty elsewhere.
    wanted    text        NOT NULL,
    -- The centre's order that it answered last, and how often something was done with it at the box.
    answered  bigint      NOT NULL,
    deeds     bigint      NOT NULL,
    since     timestamptz NOT NULL,
    told_at   timestamptz NOT NULL,
    PRIMARY KEY (site, agent, partition)
);

-- The newest order for each partition, its newest reset, and the newest test of each output: one takes no other's place.
-- Numbers are of the clock, so that a database that was restored gives none that a box has answered.
CREATE TABLE partition_orders (
    site       text        NOT NULL,
    agent      text        NOT NULL,
    partition  text        NOT NULL,
    slot       text        NOT NULL,
    number     bigint      NOT NULL,
    deed       text        NOT NULL,
    without    text[]      NOT NULL,
    -- What had been done at the box, as the centre knew.
    deeds      bigint      NOT NULL,
    ordered_by text        NOT NULL,
    ordered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent, partition, slot)
);

CREATE TABLE sensor_bypasses (
    -- Of the clock, likewise.
    number     bigint      PRIMARY KEY,
    site       text        NOT NULL,
    agent      text        NOT NULL,
    sensor     text        NOT NULL,
    way        text        NOT NULL,
    -- At the latest.
    until      timestamptz NOT NULL,
    reason     text        NOT NULL,
    begun_by   text        NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT now(),
    -- When the box first told that it leaves the sensor out.
    seen_at    timestamptz,
    ended_at   timestamptz,
    ended_by   text        NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX sensor_bypasses_that_hold ON sensor_bypasses (site, agent, sensor) WHERE ended_at IS NULL;
CREATE INDEX sensor_bypasses_by_time ON sensor_bypasses (begun_at);

-- What people know of a sensor and no box does.
CREATE TABLE sensor_facts (
    site        text        NOT NULL,
    agent       text        NOT NULL,
    sensor      text        NOT NULL,
    -- Of GB/T 28181, twenty digits.
    code        text        NOT NULL,
    location    text        NOT NULL,
    responsible text        NOT NULL,
    changed_by  text        NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent, sensor)
);
CREATE UNIQUE INDEX sensor_facts_by_code ON sensor_facts (code) WHERE code <> '';
