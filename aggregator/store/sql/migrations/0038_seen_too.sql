-- Cameras that also see a line of another camera: they stand in for it while it cannot be confirmed.
CREATE TABLE seen_too (
    site      text NOT NULL,
    agent     text NOT NULL,
    camera    text NOT NULL,
    name      text NOT NULL,
    by_agent  text NOT NULL,
    by_camera text NOT NULL,
    set_by    text NOT NULL,
    set_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, agent, camera, name, by_agent, by_camera)
);
