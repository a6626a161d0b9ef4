-- Boxes take turns at alerting: whose all of a row is, where one box sent many at once; empty where it is of several.
-- Within a turn the most urgent comes first: the smallest priority of what is in the row, 5 where nothing is urgent.
ALTER TABLE inbox ADD COLUMN box text NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN priority smallint NOT NULL DEFAULT 5;

-- How many alerts of a box are open.
CREATE INDEX alerts_open_of_box ON alerts (site, agent) WHERE cleared_at IS NULL AND ended_at IS NULL;
