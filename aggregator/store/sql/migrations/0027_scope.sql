-- Which places lie within which, each within itself too: what a person may see is cut by it, in every question.
CREATE TABLE within (
    place text NOT NULL REFERENCES places ON DELETE CASCADE ON UPDATE CASCADE,
    site  text NOT NULL REFERENCES places ON DELETE CASCADE ON UPDATE CASCADE,
    PRIMARY KEY (site, place)
);
CREATE INDEX within_by_place ON within (place, site);

CREATE FUNCTION keep_within() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- All that lies in it leaves what it lay in, and stays in it.
        DELETE FROM within w USING within below
        WHERE below.place = NEW.name AND w.site = below.site
          AND w.place NOT IN (SELECT site FROM within WHERE place = NEW.name);
    END IF;
    -- A backup may bring what lies in it before itself.
    INSERT INTO within (place, site)
    SELECT above.name, below.name
    FROM (SELECT NEW.name UNION SELECT place FROM within WHERE site = NEW.above) above (name),
         (SELECT NEW.name UNION SELECT site FROM within WHERE place = NEW.name
          UNION SELECT w.site FROM within w JOIN places p ON p.name = w.place WHERE p.above = NEW.name) below (name)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_within AFTER INSERT OR UPDATE OF above ON places FOR EACH ROW EXECUTE FUNCTION keep_within();

INSERT INTO within (place, site)
WITH RECURSIVE tree (place, site) AS (
    SELECT name, name FROM places UNION SELECT t.place, p.name FROM places p JOIN tree t ON p.above = t.site
)
SELECT place, site FROM tree;

-- Of which sites a message of the feed tells: NULL is of the centre itself. `cut` is what those may hear to whom not all
-- of these sites belong; NULL: they may hear all of it.
ALTER TABLE feed ADD COLUMN sites text[], ADD COLUMN cut text;
CREATE INDEX alerts_by_site ON alerts (site, id);

-- Of an alert of many subjects, which names no site: the sites that it is of.
CREATE TABLE alert_sites (
    alert_id bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    site     text   NOT NULL,
    PRIMARY KEY (alert_id, site)
);
INSERT INTO alert_sites (alert_id, site)
SELECT DISTINCT c.alert_id, c.site FROM conditions c JOIN alerts a ON a.id = c.alert_id WHERE a.site = '' AND c.site <> '';
