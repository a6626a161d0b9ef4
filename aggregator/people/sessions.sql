-- name: begin_session
INSERT INTO sessions (hash, account, idle, until, address, browser)
VALUES (%(hash)s, %(account)s, %(idle)s, now() + %(lasts)s, %(address)s, %(browser)s) RETURNING until;

-- name: session
SELECT s.account, s.until, s.address, s.seen_at < now() - interval '30 s' AS stale
FROM sessions s JOIN accounts a ON a.name = s.account
WHERE s.hash = %(hash)s AND s.ended_at IS NULL AND s.until > now() AND s.seen_at > now() - s.idle AND a.disabled_at IS NULL;

-- name: see_session
UPDATE sessions SET seen_at = now() WHERE hash = %(hash)s;

-- name: sessions
SELECT id, account, began_at, seen_at, until, address, browser, hash = %(hash)s AS this FROM sessions
WHERE ended_at IS NULL AND until > now() AND seen_at > now() - idle
  AND (%(account)s::text IS NULL OR account = %(account)s) ORDER BY account, began_at;

-- name: end_session
UPDATE sessions SET ended_at = now(), ended_by = %(by)s
WHERE ended_at IS NULL AND id = %(id)s AND (%(account)s::text IS NULL OR account = %(account)s) RETURNING account;

-- name: end_session_of_cookie
UPDATE sessions SET ended_at = now(), ended_by = %(by)s WHERE ended_at IS NULL AND hash = %(hash)s;

-- name: end_sessions_of
UPDATE sessions SET ended_at = now(), ended_by = %(by)s
WHERE ended_at IS NULL AND account = %(account)s AND hash IS DISTINCT FROM %(but)s;

-- name: forget_sessions
DELETE FROM sessions WHERE until < now() - interval '90 days';

-- name: know_browser
INSERT INTO known_browsers (hash, account) VALUES (%(hash)s, %(account)s)
ON CONFLICT (hash, account) DO UPDATE SET seen_at = now();

-- name: is_known_browser
SELECT EXISTS (SELECT FROM known_browsers WHERE hash = %(hash)s AND account = %(account)s
               AND seen_at > now() - interval '180 days') AS known;

-- name: forget_browsers
DELETE FROM known_browsers WHERE seen_at < now() - interval '180 days';
