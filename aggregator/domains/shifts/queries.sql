-- name: posts
SELECT p.name, p.title, p.place FROM posts p
WHERE %(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.place AND w.place = ANY(%(scope)s))
ORDER BY p.name;

-- name: post
-- Until the commit who is on stays as it is.
SELECT p.name, p.place FROM posts p
WHERE p.name = %(post)s
  AND (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = p.place AND w.place = ANY(%(scope)s)))
FOR UPDATE;

-- name: on_now
SELECT id, post, who, began_at, ended_at, ended_by, note, open_alerts FROM shifts
WHERE ended_at IS NULL AND post = ANY(%(posts)s) ORDER BY began_at;

-- name: handed_over
-- The latest of each post.
SELECT DISTINCT ON (post) id, post, who, began_at, ended_at, ended_by, note, open_alerts FROM shifts
WHERE ended_at IS NOT NULL AND post = ANY(%(posts)s) ORDER BY post, ended_at DESC, id DESC;

-- name: put_post
INSERT INTO posts (name, title, place) VALUES (%(name)s, %(title)s, %(place)s)
ON CONFLICT (name) DO UPDATE SET title = excluded.title, place = excluded.place WHERE posts.place = %(before)s;

-- name: post_anywhere
SELECT place FROM posts WHERE name = %(name)s;

-- name: delete_post
DELETE FROM posts WHERE name = %(name)s;

-- name: own
SELECT id, post, who, began_at, ended_at, ended_by, note, open_alerts FROM shifts
WHERE who = %(who)s AND ended_at IS NULL;

-- name: begin
-- None where they have begun another meanwhile.
INSERT INTO shifts (post, who) VALUES (%(post)s, %(who)s) ON CONFLICT (who) WHERE ended_at IS NULL DO NOTHING
RETURNING id, post, who, began_at, ended_at, ended_by, note, open_alerts;

-- name: open_at
SELECT id, who FROM shifts WHERE post = %(post)s AND id = %(number)s AND ended_at IS NULL FOR UPDATE;

-- name: end
-- With what is open in the post's place, whatever scope who ends it has.
UPDATE shifts SET ended_at = now(), ended_by = %(by)s, note = %(note)s, open_alerts = ARRAY(
    SELECT a.id FROM alerts a WHERE a.cleared_at IS NULL AND (
        EXISTS (SELECT FROM within w WHERE w.site = a.site AND w.place = %(place)s)
        OR a.site = '' AND EXISTS (
            SELECT FROM alert_sites s JOIN within w USING (site) WHERE s.alert_id = a.id AND w.place = %(place)s
        )
    ) ORDER BY a.priority, a.id DESC LIMIT 1000
)
WHERE id = %(id)s RETURNING id, post, who, began_at, ended_at, ended_by, note, open_alerts;

-- name: shifts
SELECT id, post, who, began_at, ended_at, ended_by, note, open_alerts FROM shifts
WHERE post = %(post)s AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s;

-- name: old_days_of_shifts
SELECT DISTINCT (ended_at AT TIME ZONE 'UTC')::date AS day FROM shifts WHERE ended_at < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_shifts
DELETE FROM shifts WHERE ended_at < (%(day)s::date + 1)::timestamptz;
