-- name: add_key
INSERT INTO keys (name, hash, made_by, ends_at) VALUES (%(name)s, %(hash)s, %(by)s, %(ends_at)s)
ON CONFLICT (name) DO NOTHING;

-- name: keys
SELECT name, made_at, made_by, ends_at, revoked_at, revoked_by FROM keys ORDER BY name;

-- name: key
SELECT name FROM keys WHERE hash = %(hash)s AND revoked_at IS NULL AND ends_at > now();

-- name: revoke_key
UPDATE keys SET revoked_at = now(), revoked_by = %(by)s WHERE name = %(name)s AND revoked_at IS NULL;
