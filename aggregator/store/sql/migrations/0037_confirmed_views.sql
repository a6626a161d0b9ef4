-- When a person last said that a camera sees what it shall see.
CREATE TABLE confirmed_views (
    site         text NOT NULL,
    agent        text NOT NULL,
    camera       text NOT NULL,
    confirmed_by text NOT NULL,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent, camera)
);
