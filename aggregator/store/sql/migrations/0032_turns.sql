-- Boxes take turns at alerting: whose all of a row is, where one box sent many at once; empty where it is of several.
ALTER TABLE inbox ADD COLUMN box text NOT NULL DEFAULT '';
CREATE INDEX inbox_turns ON inbox (late, box, id);
CREATE INDEX inbox_boxes ON inbox (box) WHERE box <> '';
DROP INDEX inbox_fresh_first;

-- How many alerts of a box are open that nobody has looked at.
CREATE INDEX alerts_open_of_box ON alerts (site, agent)
    WHERE cleared_at IS NULL AND ended_at IS NULL AND acknowledged_at IS NULL AND NOT quiet;
