-- A role may be given for alerts of some kinds only: of subjects (camera) or conditions (smoke). NULL: of all.
ALTER TABLE grants ADD COLUMN kinds text[];

-- Whether an alert is theirs to whom only some kinds of alerts of a place are: `narrow` has PLACE/KIND, of everywhere */KIND.
CREATE FUNCTION is_narrowly_theirs(alert bigint, alert_site text, subject text, condition text, narrow text[])
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT '*/' || subject = ANY(narrow) OR '*/' || condition = ANY(narrow) OR EXISTS (
        SELECT FROM within w
        WHERE (w.place || '/' || subject = ANY(narrow) OR w.place || '/' || condition = ANY(narrow))
          AND (w.site = alert_site OR alert_site = '' AND w.site IN (SELECT site FROM alert_sites WHERE alert_id = alert))
    )
$$;

-- Of what kinds a message tells, its subject and its condition; NULL: of none that somebody may have alone.
ALTER TABLE feed ADD COLUMN kinds text[];
