-- name: lock_people
-- One change at a time: two administrators must not remove each other at once.
SELECT pg_advisory_xact_lock(4217006);

-- name: hold_account
SELECT name FROM accounts WHERE name = %(name)s FOR UPDATE;

-- name: made_by
SELECT made_by, subject IS NOT NULL AS vouched FROM accounts WHERE name = %(name)s;

-- name: key_made_by
SELECT made_by FROM keys WHERE name = %(name)s;

-- name: administrators
-- Accounts that can make accounts, everywhere.
SELECT DISTINCT g.account FROM grants g JOIN accounts a ON a.name = g.account LEFT JOIN roles r ON r.name = g.role
WHERE g.place IS NULL AND NOT g.waits AND a.disabled_at IS NULL AND a.password <> ''
  AND (g.role = 'administrator' OR 'people.change' = ANY(r.rights));

-- name: can_begin
-- Whether somebody or some program is there that can make accounts.
SELECT EXISTS (
    SELECT FROM grants g LEFT JOIN accounts a ON a.name = g.account LEFT JOIN keys k ON k.name = g.key
    LEFT JOIN roles r ON r.name = g.role
    WHERE g.place IS NULL AND NOT g.waits AND (g.role = 'administrator' OR 'people.change' = ANY(r.rights))
      AND (a.name IS NULL OR a.disabled_at IS NULL AND a.password <> '')
      AND (k.name IS NULL OR k.revoked_at IS NULL AND k.ends_at > now())
) AS begun;

-- name: is_begun
SELECT EXISTS (SELECT FROM begun) AS begun;

-- name: note_begun
INSERT INTO begun SELECT true WHERE %(begun)s ON CONFLICT DO NOTHING;

-- name: grants_of
SELECT g.role, g.place, g.kinds, r.rights FROM grants g LEFT JOIN roles r ON r.name = g.role
WHERE NOT g.waits AND (g.account = %(account)s OR g.key = %(key)s);

-- name: grants
SELECT g.id, g.account, g.key, g.role, g.place, g.kinds, g.given_at, g.given_by, g.waits FROM grants g
ORDER BY g.account, g.key, g.role, g.place;

-- name: grant
SELECT id, account, key, role, place, kinds, given_at, given_by, waits FROM grants WHERE id = %(id)s;

-- name: give
INSERT INTO grants (account, key, role, place, kinds, given_by, waits)
VALUES (%(account)s, %(key)s, %(role)s, %(place)s, %(kinds)s, %(by)s, %(waits)s)
ON CONFLICT (coalesce(account, ''), coalesce(key, ''), role, coalesce(place, '')) DO NOTHING RETURNING id;

-- name: given_before
SELECT id, kinds FROM grants WHERE role = %(role)s AND account IS NOT DISTINCT FROM %(account)s
  AND key IS NOT DISTINCT FROM %(key)s AND place IS NOT DISTINCT FROM %(place)s;

-- name: confirm
UPDATE grants SET waits = false WHERE id = %(id)s;

-- name: take
DELETE FROM grants WHERE id = %(id)s;

-- name: roles
SELECT name, rights FROM roles ORDER BY name;

-- name: role
SELECT name, rights FROM roles WHERE name = %(name)s;

-- name: put_role
INSERT INTO roles (name, rights) VALUES (%(name)s, %(rights)s) ON CONFLICT (name) DO UPDATE SET rights = excluded.rights;

-- name: role_is_given
SELECT EXISTS (SELECT FROM grants WHERE role = %(name)s) AS given;

-- name: delete_role
DELETE FROM roles WHERE name = %(name)s;

-- name: is_in_tree
SELECT FROM places WHERE name = %(place)s;

-- name: two_step_roles
SELECT role FROM two_step_roles;

-- name: bind_role
INSERT INTO two_step_roles VALUES (%(name)s) ON CONFLICT DO NOTHING;

-- name: release_role
DELETE FROM two_step_roles WHERE role = %(name)s;

-- name: requires_second_step
SELECT EXISTS (SELECT FROM grants JOIN two_step_roles USING (role) WHERE account = %(account)s AND NOT waits) AS required;

-- name: holders_without
-- Who signs in with a password alone and has a role. For who comes from a provider, the provider asks.
SELECT DISTINCT g.account FROM grants g JOIN accounts a ON a.name = g.account
WHERE g.role = %(role)s AND NOT g.waits AND a.totp IS NULL AND a.subject IS NULL;
