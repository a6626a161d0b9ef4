-- name: take_delivery
-- The lease is the next try: a worker that dies leaves the delivery to be tried again.
UPDATE deliveries SET attempts = attempts + 1, next_at = now() + interval '60 s'
WHERE id = (
    SELECT id FROM deliveries
    WHERE webhook = %(webhook)s AND delivered_at IS NULL AND given_up_at IS NULL AND next_at <= now()
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id::text, webhook, alert_id, body, attempts;

-- name: delivery_done
UPDATE deliveries SET delivered_at = now(), last_error = NULL WHERE id = %(id)s::uuid;

-- name: delivery_failed
UPDATE deliveries SET last_error = %(error)s, next_at = now() + %(wait_s)s * interval '1 s',
    given_up_at = CASE WHEN %(give_up)s THEN now() END
WHERE id = %(id)s::uuid;

-- name: deliveries
SELECT id::text, webhook, alert_id, attempts, next_at, delivered_at, given_up_at, coalesce(last_error, '') AS last_error
FROM deliveries ORDER BY next_at DESC LIMIT %(limit)s;

-- name: old_days_of_deliveries
SELECT DISTINCT (coalesce(delivered_at, given_up_at) AT TIME ZONE 'UTC')::date AS day FROM deliveries
WHERE coalesce(delivered_at, given_up_at) < %(before)s::date::timestamptz ORDER BY day;

-- name: drop_day_of_deliveries
DELETE FROM deliveries
WHERE coalesce(delivered_at, given_up_at) >= %(day)s::date::timestamptz
  AND coalesce(delivered_at, given_up_at) < (%(day)s::date + 1)::timestamptz;

-- name: gone_receivers
-- Of whom it was said that they take nothing.
SELECT name FROM conditions
WHERE active AND subject = 'webhook' AND condition = 'webhook_gave_up' AND NOT name = ANY(%(names)s);
