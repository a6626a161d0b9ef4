-- Which bounds of a day a box has exceeded ([limits]), and until when that is told: what is beyond waits in the box.
CREATE TABLE over_limits (
    site  text        NOT NULL,
    agent text        NOT NULL,
    what  text        NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (site, agent, what)
);
