-- What a box has said last that it holds, while it has not answered for what it shall hold since: another list that changes
-- takes nothing of this one back.
ALTER TABLE box_watchlists ADD held bigint[] NOT NULL DEFAULT '{}', ADD held_of timestamptz;
-- What each checkpoint's box says of its lists: `answered` for all that it shall hold now, or it still has what it held.
CREATE VIEW watchlists_at_boxes AS
SELECT w.site, w.agent, w.lists, w.held, w.held_of, d.wanted_at,
       coalesce(s.obeyed >= d.version, false) AS answered, coalesce(s.refused = d.version, false) AS refuses,
       coalesce(s.error, '') AS error
FROM box_watchlists w
LEFT JOIN desired_sections d ON (d.site, d.agent, d.section) = (w.site, w.agent, 'lists')
LEFT JOIN box_sections s ON (s.site, s.agent, s.section) = (w.site, w.agent, 'lists');
