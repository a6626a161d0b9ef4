-- name: lock_feed
-- Held until the commit: ids appear in the order in which they become visible.
SELECT pg_advisory_xact_lock(4217001);

-- name: add_feed
-- Of which sites a message tells comes as one text, for arrays of arrays have to be of one length.
INSERT INTO feed (id, topic, message, sites, cut, kinds)
SELECT nextval('feed_ids'), %(topic)s, message, string_to_array(sites, ' '), cut, string_to_array(kinds, ' ')
FROM unnest(%(messages)b::text[], %(sites)s::text[], %(cuts)s::text[], %(kinds)s::text[])
    WITH ORDINALITY AS new (message, sites, cut, kinds, place)
ORDER BY place;

-- name: feed_after
SELECT id, topic, message, sites, cut, kinds FROM feed WHERE id > %(after)s ORDER BY id LIMIT %(limit)s;

-- name: feed_bounds
SELECT coalesce(min(id), 0) AS oldest, coalesce(max(id), 0) AS newest FROM feed;

-- name: prune_feed
DELETE FROM feed WHERE at < now() - interval '7 days';
