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

-- From when until when something was the matter with a subject, whether it rang or not. An alert does not tell that: one of
-- many names nobody, and one that a person cleared has no end.
CREATE TABLE spells (
    subject   text        NOT NULL,
    site      text        NOT NULL,
    agent     text        NOT NULL,
    camera    text        NOT NULL,
    name      text        NOT NULL,
    condition text        NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (subject, site, agent, camera, name, condition, since)
);
CREATE INDEX spells_until ON spells (until);

CREATE FUNCTION keep_spells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.active AND (TG_OP = 'DELETE' OR NOT NEW.active) THEN
        UPDATE spells s SET until = greatest(s.since, CASE WHEN TG_OP = 'DELETE' THEN now() ELSE NEW.told_at END)
        WHERE (s.subject, s.site, s.agent, s.camera, s.name, s.condition)
            = (OLD.subject, OLD.site, OLD.agent, OLD.camera, OLD.name, OLD.condition) AND s.until = 'infinity';
    ELSIF TG_OP <> 'DELETE' AND NEW.active AND (TG_OP = 'INSERT' OR NOT OLD.active) THEN
        -- What comes and goes within a minute is one spell: no box fills the table.
        UPDATE spells s SET until = 'infinity'
        WHERE (s.subject, s.site, s.agent, s.camera, s.name, s.condition)
            = (NEW.subject, NEW.site, NEW.agent, NEW.camera, NEW.name, NEW.condition)
          AND s.until > NEW.told_at - interval '1 minute';
        IF NOT FOUND THEN
            INSERT INTO spells (subject, site, agent, camera, name, condition, since)
            VALUES (NEW.subject, NEW.site, NEW.agent, NEW.camera, NEW.name, NEW.condition, NEW.since)
            ON CONFLICT (subject, site, agent, camera, name, condition, since) DO UPDATE SET until = 'infinity';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_spells AFTER INSERT OR UPDATE OF active OR DELETE ON conditions
    FOR EACH ROW EXECUTE FUNCTION keep_spells();

INSERT INTO spells (subject, site, agent, camera, name, condition, since)
SELECT subject, site, agent, camera, name, condition, since FROM conditions WHERE active;
