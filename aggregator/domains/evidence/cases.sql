-- name: open_case
INSERT INTO cases (who, purpose, ends_at) VALUES (%(who)s, %(purpose)s, now() + interval '12 hours')
RETURNING id, who, purpose, opened_at, ends_at, pictures;

-- name: cases
SELECT id, who, purpose, opened_at, ends_at, pictures FROM cases
WHERE who = %(who)s AND ends_at > now() ORDER BY id DESC LIMIT 100;

-- name: close_case
UPDATE cases SET ends_at = now() WHERE id = %(case)s AND who = %(who)s AND ends_at > now();

-- name: look_for_case
UPDATE cases SET pictures = pictures + 1 WHERE id = %(case)s AND who = %(who)s AND ends_at > now() RETURNING purpose;

-- name: handled
-- An alert of theirs that has this picture and is open, or was just cleared.
SELECT a.id FROM alert_pictures p JOIN alerts a ON a.id = p.alert_id
WHERE p.sha256 = %(sha256)s AND (a.cleared_at IS NULL OR a.cleared_at > now() - interval '15 minutes')
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = a.site AND w.place = ANY(%(scope)s))
       OR %(narrow)s::text[] IS NOT NULL AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, %(narrow)s))
ORDER BY a.id DESC LIMIT 1;

-- name: old_days_of_cases
SELECT DISTINCT (ends_at AT TIME ZONE 'UTC')::date AS day FROM cases WHERE ends_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_cases
DELETE FROM cases WHERE ends_at < (%(day)s::date + 1)::timestamptz;

-- name: alerts_of_picture
SELECT a.id, a.site, a.agent FROM alert_pictures p JOIN alerts a ON a.id = p.alert_id
WHERE p.sha256 = %(sha256)s ORDER BY a.id LIMIT 5;
