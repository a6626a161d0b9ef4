-- What is usual on each line, by the hour of the week and the season, as `aggregator.domains.lines.usual` packs it.
CREATE TABLE line_usual (
    site         text NOT NULL,
    agent        text NOT NULL,
    camera       text NOT NULL,
    name         text NOT NULL,
    known        bytea NOT NULL,
    judged_until timestamptz NOT NULL,
    PRIMARY KEY (site, agent, camera, name)
);
