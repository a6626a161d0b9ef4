-- What a box has said last that it holds, while it has not answered for what it shall hold since: another list that changes
-- takes nothing of this one back.
ALTER TABLE box_watchlists ADD held bigint[] NOT NULL DEFAULT '{}', ADD held_of timestamptz, ADD held_version bigint;
-- What each checkpoint's box says of its lists: `answered` for all that it shall hold now, or it says at least (`holds_on`)
-- that it still has what it held. One that was restarted, and has to fetch them anew, says neither.
CREATE VIEW watchlists_at_boxes AS
SELECT w.site, w.agent, w.lists, w.held, w.held_of, w.held_version, d.wanted_at, d.version,
       coalesce(s.obeyed >= w.held_version, false) AS holds_on,
       coalesce(s.obeyed >= d.version, false) AS answered, coalesce(s.refused = d.version, false) AS refuses,
       coalesce(s.error, '') AS error
FROM box_watchlists w
LEFT JOIN desired_sections d ON (d.site, d.agent, d.section) = (w.site, w.agent, 'lists')
LEFT JOIN box_sections s ON (s.site, s.agent, s.section) = (w.site, w.agent, 'lists');
