-- name: revoke
-- A box's certificate, whether or not it was revoked when the backup was taken.
UPDATE certificates SET revoked_at = coalesce(revoked_at, %(since)s)
WHERE (issuer, number) = (%(issuer)s, %(number)s)
RETURNING site, agent;

-- name: revoke_service
UPDATE service_certificates SET revoked_at = coalesce(revoked_at, %(since)s),
    revoked_by = coalesce(revoked_by, 'a list of after the backup'), revoked_why = coalesce(revoked_why, '')
WHERE (issuer, number) = (%(issuer)s, %(number)s);

-- name: keep
INSERT INTO kept_revocations (issuer, number, revoked_at, of_service)
VALUES (%(issuer)s, %(number)s, %(since)s, %(of_service)s)
ON CONFLICT DO NOTHING;

-- name: revoke_boxes
-- Who has no certificate left that counts, and has one that was taken back: revoking a box takes back all that it has.
UPDATE devices d SET revoked_at = c.revoked_at, revoked_by = 'a list of after the backup',
    revoked_why = 'revoked after the backup that was restored'
FROM (
    SELECT site, agent, max(revoked_at) AS revoked_at FROM certificates
    GROUP BY site, agent HAVING bool_and(revoked_at IS NOT NULL OR expires_at <= now()) AND bool_or(revoked_at IS NOT NULL)
) c
WHERE (d.site, d.agent) = (c.site, c.agent) AND d.revoked_at IS NULL
RETURNING d.site, d.agent;

-- name: revoke_box
-- With all that it had until then; a machine that enrolled in its place later is another.
WITH taken AS (
    UPDATE certificates SET revoked_at = %(since)s
    WHERE (site, agent) = (%(site)s, %(agent)s) AND revoked_at IS NULL AND issued_at <= %(since)s
)
UPDATE devices SET revoked_at = %(since)s, revoked_by = %(by)s, revoked_why = %(why)s
WHERE (site, agent) = (%(site)s, %(agent)s) AND revoked_at IS NULL AND enrolled_at <= %(since)s
RETURNING site, agent;
