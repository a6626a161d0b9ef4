-- name: lock_box
-- One at a time says who a box is; taken before its claims and its row are locked.
SELECT pg_advisory_xact_lock(7213, hashtext(%(site)s || '.' || %(agent)s));

-- name: add_claim
INSERT INTO claims (site, agent, serial, code, made_by, expires_at)
VALUES (%(site)s, %(agent)s, %(serial)s, %(code)s, %(by)s, now() + %(lasts)s);

-- name: withdraw_claims
UPDATE claims SET withdrawn_at = now()
WHERE (site, agent) = (%(site)s, %(agent)s) AND used_at IS NULL AND withdrawn_at IS NULL;

-- name: open_claim
-- One that a machine may still use.
SELECT serial, expires_at FROM claims
WHERE (site, agent) = (%(site)s, %(agent)s) AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > now()
  AND refused < %(most_refused)s
ORDER BY id DESC LIMIT 1;

-- name: box_of_claim
SELECT site, agent FROM claims WHERE code = %(code)s;

-- name: claim
SELECT id, site, agent, serial, expires_at <= now() AS expired, refused, withdrawn_at, used_at, used_key,
       used_at < now() - interval '1 hour' AS used_long_ago
FROM claims WHERE code = %(code)s FOR UPDATE;

-- name: refuse_claim
UPDATE claims SET refused = refused + 1 WHERE id = %(id)s;

-- name: use_claim
UPDATE claims SET used_at = coalesce(used_at, now()), used_key = %(key)s WHERE id = %(id)s;

-- name: device
SELECT site, agent, serial, key, enrolled_at, renewed_at, expires_at, revoked_at
FROM devices WHERE (site, agent) = (%(site)s, %(agent)s) FOR UPDATE;

-- name: device_of_key
-- Of its newest certificate, or of the one before: the answer that brought the newest may have been lost. Keys that are
-- older than that open nothing.
SELECT site, agent, max(c.expires_at) AS expires_at, bool_or(c.revoked_at IS NOT NULL) AS revoked
FROM certificates c
WHERE key = %(key)s AND (
    SELECT count(DISTINCT n.key) FROM certificates n
    WHERE (n.site, n.agent) = (c.site, c.agent) AND n.key <> c.key AND n.issued_at > c.issued_at
) <= 1
GROUP BY site, agent;

-- name: certificate
SELECT c.site, c.agent, c.revoked_at, d.revoked_at AS device_revoked_at
FROM certificates c JOIN devices d USING (site, agent)
WHERE (c.issuer, c.number) = (%(issuer)s, %(number)s);

-- name: add_certificate
INSERT INTO certificates (issuer, number, site, agent, key, issued_at, expires_at)
VALUES (%(issuer)s, %(number)s, %(site)s, %(agent)s, %(key)s, now(), %(expires_at)s);

-- name: enrol
INSERT INTO devices (site, agent, serial, key, enrolled_at, renewed_at, expires_at)
VALUES (%(site)s, %(agent)s, %(serial)s, %(key)s, now(), now(), %(expires_at)s)
ON CONFLICT (site, agent) DO UPDATE SET
    serial = excluded.serial, key = excluded.key, enrolled_at = excluded.enrolled_at, renewed_at = excluded.renewed_at,
    expires_at = excluded.expires_at, revoked_at = NULL, revoked_by = NULL, revoked_why = NULL;

-- name: renew
UPDATE devices SET key = %(key)s, renewed_at = now(), expires_at = %(expires_at)s
WHERE (site, agent) = (%(site)s, %(agent)s);

-- name: revoke
UPDATE devices SET revoked_at = now(), revoked_by = %(by)s, revoked_why = %(why)s
WHERE (site, agent) = (%(site)s, %(agent)s) AND revoked_at IS NULL;

-- name: revoke_certificates
-- Expired ones too: their keys must not come back either.
UPDATE certificates SET revoked_at = now() WHERE (site, agent) = (%(site)s, %(agent)s) AND revoked_at IS NULL;

-- name: devices
-- Claimed ones too, which have not come yet.
SELECT coalesce(d.site, c.site) AS site, coalesce(d.agent, c.agent) AS agent, coalesce(d.serial, c.serial) AS serial,
       CASE WHEN c.id IS NOT NULL THEN CASE WHEN c.refused >= %(most_refused)s THEN 'locked'
                                            WHEN c.expires_at <= now() THEN 'lapsed' ELSE 'claimed' END
            WHEN d.revoked_at IS NOT NULL THEN 'revoked'
            WHEN d.expires_at <= now() THEN 'expired' ELSE 'enrolled' END AS state,
       c.made_at AS claimed_at, c.expires_at AS claim_expires_at, d.enrolled_at, d.renewed_at, d.expires_at,
       d.revoked_at, d.revoked_by, d.revoked_why
FROM devices d
FULL JOIN (
    SELECT DISTINCT ON (site, agent) * FROM claims WHERE used_at IS NULL AND withdrawn_at IS NULL
    ORDER BY site, agent, id DESC
) c USING (site, agent)
WHERE (%(scope)s::text[] IS NULL OR EXISTS (SELECT FROM within w WHERE w.site = coalesce(d.site, c.site) AND w.place = ANY(%(scope)s)))
  AND (%(sites)s::text[] IS NULL OR coalesce(d.site, c.site) = ANY(%(sites)s))
  AND (%(site)s::text IS NULL OR coalesce(d.site, c.site) = %(site)s)
  AND (%(agent)s::text IS NULL OR coalesce(d.agent, c.agent) = %(agent)s)
ORDER BY 1, 2;

-- name: admitted
-- Whom the broker lets in: who was not revoked and has a certificate that still holds.
SELECT site, agent, enrolled_at FROM devices WHERE revoked_at IS NULL AND expires_at > now();

-- name: replaced
-- A box that took the place of one whose certificates were taken back and would hold otherwise.
SELECT DISTINCT d.site, d.agent FROM devices d JOIN certificates c USING (site, agent)
WHERE d.revoked_at IS NULL AND d.expires_at > now() AND c.revoked_at IS NOT NULL AND c.expires_at > now();

-- name: newest_revoked
SELECT count(*) AS count, max(revoked_at) AS newest FROM (
    SELECT revoked_at, expires_at FROM certificates
    UNION ALL SELECT revoked_at, expires_at FROM service_certificates
    UNION ALL SELECT revoked_at, 'infinity' FROM kept_revocations
    UNION ALL SELECT revoked_at, 'infinity' FROM devices
) c
WHERE revoked_at IS NOT NULL AND expires_at > now();

-- name: issued_today
SELECT count(*) AS count FROM certificates
WHERE (site, agent) = (%(site)s, %(agent)s) AND issued_at > now() - interval '1 day';

-- name: revoked
SELECT issuer, number, revoked_at, false AS of_service FROM certificates
WHERE revoked_at IS NOT NULL AND expires_at > now()
UNION ALL
SELECT issuer, number, revoked_at, true FROM service_certificates WHERE revoked_at IS NOT NULL AND expires_at > now()
UNION ALL
SELECT issuer, number, revoked_at, of_service FROM kept_revocations WHERE revoked_at > now() - %(longest)s;

-- name: revoked_boxes
SELECT site, agent, revoked_at, revoked_by, revoked_why FROM devices WHERE revoked_at IS NOT NULL ORDER BY site, agent;

-- name: add_service_certificate
INSERT INTO service_certificates (issuer, number, service, hosts, issued_at, expires_at)
VALUES (%(issuer)s, %(number)s, %(service)s, %(hosts)s, %(issued_at)s, %(expires_at)s)
ON CONFLICT DO NOTHING;

-- name: service_certificates
SELECT number::text, encode(issuer, 'hex') AS issuer, service, hosts, issued_at, expires_at, revoked_at, revoked_by, revoked_why
FROM service_certificates WHERE expires_at > now() ORDER BY issued_at DESC, service;

-- name: revoke_service
UPDATE service_certificates SET revoked_at = now(), revoked_by = %(by)s, revoked_why = %(why)s
WHERE number = %(number)s AND revoked_at IS NULL AND expires_at > now()
RETURNING service;

-- name: service_revoked
SELECT service FROM service_certificates WHERE number = %(number)s AND revoked_at IS NOT NULL;

-- name: forget_service_certificates
DELETE FROM service_certificates WHERE expires_at < now() - interval '30 days';

-- name: keep_revoked
INSERT INTO kept_revocations (issuer, number, revoked_at, of_service) VALUES (%(issuer)s, %(number)s, now(), true)
ON CONFLICT DO NOTHING;

-- name: forget_kept_revocations
DELETE FROM kept_revocations WHERE revoked_at < now() - %(longest)s;

-- name: forget_certificates
DELETE FROM certificates WHERE expires_at < now() - %(stored)s - interval '30 days';
