-- name: account
SELECT name, title, password, disabled_at FROM accounts WHERE name = %(name)s;

-- name: account_stays
-- As it is, until the commit: who changes it waits.
SELECT password FROM accounts WHERE name = %(name)s AND disabled_at IS NULL FOR SHARE;

-- name: hold_account
SELECT name FROM accounts WHERE name = %(name)s FOR UPDATE;

-- name: accounts
SELECT a.name, a.title, a.made_at, a.made_by, a.password_at, a.disabled_at, a.disabled_by, a.password <> '' AS has_password,
       (SELECT count(*) FROM sessions s WHERE s.account = a.name AND s.ended_at IS NULL AND s.until > now()
        AND s.seen_at > now() - s.idle) AS sessions
FROM accounts a ORDER BY a.name;

-- name: lock_people
-- One change at a time: two administrators must not remove each other at once.
SELECT pg_advisory_xact_lock(4217006);

-- name: add_account
INSERT INTO accounts (name, title, password, made_by) VALUES (%(name)s, %(title)s, %(password)s, %(by)s)
ON CONFLICT (name) DO NOTHING;

-- name: set_password
UPDATE accounts SET password = %(password)s, password_at = now() WHERE name = %(name)s;

-- name: set_title
UPDATE accounts SET title = %(title)s WHERE name = %(name)s;

-- name: disable
UPDATE accounts SET disabled_at = now(), disabled_by = %(by)s WHERE name = %(name)s AND disabled_at IS NULL;

-- name: enable
UPDATE accounts SET disabled_at = NULL, disabled_by = NULL WHERE name = %(name)s;

-- name: administrators
-- Accounts that can make accounts, everywhere.
SELECT DISTINCT g.account FROM grants g JOIN accounts a ON a.name = g.account LEFT JOIN roles r ON r.name = g.role
WHERE g.place IS NULL AND NOT g.waits AND a.disabled_at IS NULL AND a.password <> ''
  AND (g.role = 'administrator' OR 'people.change' = ANY(r.rights));

-- name: is_begun
SELECT EXISTS (SELECT FROM begun) AS begun;

-- name: note_begun
INSERT INTO begun SELECT true WHERE %(begun)s ON CONFLICT DO NOTHING;

-- name: can_begin
-- Whether somebody or some program is there that can make accounts.
SELECT EXISTS (
    SELECT FROM grants g LEFT JOIN accounts a ON a.name = g.account LEFT JOIN keys k ON k.name = g.key
    LEFT JOIN roles r ON r.name = g.role
    WHERE g.place IS NULL AND NOT g.waits AND (g.role = 'administrator' OR 'people.change' = ANY(r.rights))
      AND (a.name IS NULL OR a.disabled_at IS NULL AND a.password <> '')
      AND (k.name IS NULL OR k.revoked_at IS NULL AND k.ends_at > now())
) AS begun;

-- name: grants_of
SELECT g.role, g.place, r.rights FROM grants g LEFT JOIN roles r ON r.name = g.role
WHERE NOT g.waits AND (g.account = %(account)s OR g.key = %(key)s);

-- name: grants
SELECT g.id, g.account, g.key, g.role, g.place, g.given_at, g.given_by, g.waits FROM grants g
ORDER BY g.account, g.key, g.role, g.place;

-- name: grant
SELECT id, account, key, role, place, given_at, given_by, waits FROM grants WHERE id = %(id)s;

-- name: give
INSERT INTO grants (account, key, role, place, given_by, waits)
VALUES (%(account)s, %(key)s, %(role)s, %(place)s, %(by)s, %(waits)s)
ON CONFLICT (coalesce(account, ''), coalesce(key, ''), role, coalesce(place, '')) DO NOTHING RETURNING id;

-- name: given_before
SELECT id FROM grants WHERE role = %(role)s AND account IS NOT DISTINCT FROM %(account)s
  AND key IS NOT DISTINCT FROM %(key)s AND place IS NOT DISTINCT FROM %(place)s;

-- name: confirm
UPDATE grants SET waits = false WHERE id = %(id)s;

-- name: take
DELETE FROM grants WHERE id = %(id)s;

-- name: roles
SELECT name, rights FROM roles ORDER BY name;

-- name: put_role
INSERT INTO roles (name, rights) VALUES (%(name)s, %(rights)s) ON CONFLICT (name) DO UPDATE SET rights = excluded.rights;

-- name: role_is_given
SELECT EXISTS (SELECT FROM grants WHERE role = %(name)s) AS given;

-- name: delete_role
DELETE FROM roles WHERE name = %(name)s;

-- name: add_key
INSERT INTO keys (name, hash, made_by, ends_at) VALUES (%(name)s, %(hash)s, %(by)s, %(ends_at)s)
ON CONFLICT (name) DO NOTHING;

-- name: keys
SELECT name, made_at, made_by, ends_at, revoked_at, revoked_by FROM keys ORDER BY name;

-- name: key
SELECT name FROM keys WHERE hash = %(hash)s AND revoked_at IS NULL AND ends_at > now();

-- name: revoke_key
UPDATE keys SET revoked_at = now(), revoked_by = %(by)s WHERE name = %(name)s AND revoked_at IS NULL;

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

-- name: role
SELECT name, rights FROM roles WHERE name = %(name)s;

-- name: is_in_tree
SELECT FROM places WHERE name = %(place)s;

-- name: made_by
SELECT made_by FROM accounts WHERE name = %(name)s;
