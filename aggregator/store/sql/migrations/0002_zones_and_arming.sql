-- What a line or zone is watched for: the AlarmType of GB/T 28181, 5 a line, 6 to 8 a zone.
ALTER TABLE config_lines ADD COLUMN rule smallint NOT NULL DEFAULT 5;

-- What operators ordered to be armed or disarmed; null is as configured on the box.
CREATE TABLE arming (
    site       text        NOT NULL,
    agent      text        NOT NULL,
    camera     text        NOT NULL,
    name       text        NOT NULL,
    armed      boolean,
    changed_by text        NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent, camera, name)
);

-- The newest order of each box. It is sent again until the box's heartbeat says that it obeys.
CREATE TABLE orders (
    site    text   NOT NULL,
    agent   text   NOT NULL,
    version bigint NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (site, agent)
);
