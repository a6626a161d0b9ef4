-- name: store_evidence
UPDATE evidence SET stored_at = now() WHERE sha256 = %(sha256)s AND stored_at IS NULL;

-- name: evidence
SELECT stored_at FROM evidence e WHERE sha256 = %(sha256)s AND (%(scope)s::text[] IS NULL OR EXISTS (
    SELECT FROM evidence_of o JOIN producers p ON p.id = o.producer_id JOIN within w USING (site)
    WHERE o.sha256 = e.sha256 AND w.place = ANY(%(scope)s)
) OR %(narrow)s::text[] IS NOT NULL AND EXISTS (
    SELECT FROM alert_pictures m JOIN alerts a ON a.id = m.alert_id
    WHERE m.sha256 = e.sha256 AND is_narrowly_theirs(a.id, a.site, a.subject, a.condition, %(narrow)s)
));

-- name: share_pictures
-- Until the commit no file is deleted that is being brought.
SELECT pg_advisory_xact_lock_shared(4217004);

-- name: pictures_of_box
SELECT coalesce(sum(size), 0)::bigint AS bytes FROM evidence
WHERE stored_at IS NOT NULL AND sha256 IN (
    SELECT o.sha256 FROM evidence_of o JOIN producers p ON p.id = o.producer_id
    WHERE p.site = %(site)s AND p.agent = %(agent)s
);

-- name: announced_evidence
SELECT o.producer_id, e.size FROM evidence_of o
JOIN producers p ON p.id = o.producer_id
JOIN evidence e ON e.sha256 = o.sha256
WHERE o.sha256 = %(sha256)s AND o.lane = %(lane)s AND o.seq = %(seq)s
  AND p.site = %(site)s AND p.agent = %(agent)s AND p.epoch = %(epoch)s;

-- name: evidence_arrived
-- The same picture may belong to several events; each alert hears once.
WITH arrived AS (
    UPDATE evidence_of SET arrived_at = now()
    WHERE producer_id = %(producer_id)s AND lane = %(lane)s AND seq = %(seq)s AND sha256 = %(sha256)s
      AND arrived_at IS NULL
    RETURNING producer_id, lane, seq, sha256
), found AS (
    SELECT m.alert_id, e.taken_at, e.sha256 FROM arrived
    JOIN LATERAL (
        SELECT alert_id FROM alert_members n
        WHERE (n.producer_id, n.lane, n.seq) = (arrived.producer_id, arrived.lane, arrived.seq)
        UNION
        SELECT alert_id FROM alert_origins o
        WHERE (o.producer_id, o.lane, o.seq) = (arrived.producer_id, arrived.lane, arrived.seq)
    ) m ON true
    JOIN evidence e USING (sha256) FOR KEY SHARE OF e
), added AS (
    INSERT INTO alert_pictures (alert_id, taken_at, sha256) SELECT * FROM found ON CONFLICT DO NOTHING RETURNING alert_id
)
UPDATE alerts SET pictures = alerts.pictures + 1 FROM added WHERE alerts.id = added.alert_id RETURNING added.alert_id;

-- name: add_evidence
-- Announced again it is young again; and if it is just being deleted, it is waited for and added anew.
-- In the order of their hashes: two lanes that name the same must not block each other.
INSERT INTO evidence (sha256, size, taken_at)
SELECT DISTINCT ON (sha256) *
FROM unnest(%(sha256s)s::bytea[], %(sizes)s::int[], %(taken_ats)s::timestamptz[]) AS new (sha256, size, taken_at)
ORDER BY sha256
ON CONFLICT (sha256) DO UPDATE SET announced_at = now();

-- name: link_evidence
-- So many of one event: a page shows all that an alert has.
INSERT INTO evidence_of (producer_id, lane, seq, sha256)
SELECT producer_id, lane, seq, sha256 FROM (
    SELECT *, row_number() OVER (PARTITION BY producer_id, lane, seq) AS number
    FROM unnest(%(producer_ids)s::int[], %(lanes)s::smallint[], %(seqs)s::bigint[], %(sha256s)s::bytea[])
        AS new (producer_id, lane, seq, sha256)
    WHERE NOT EXISTS (SELECT FROM evidence_of o
        WHERE (o.producer_id, o.lane, o.seq, o.sha256) = (new.producer_id, new.lane, new.seq, new.sha256))
) new
WHERE number + (SELECT count(*) FROM evidence_of o WHERE (o.producer_id, o.lane, o.seq) = (new.producer_id, new.lane, new.seq))
    <= %(most)s
ON CONFLICT DO NOTHING;
