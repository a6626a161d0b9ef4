-- name: newest_heartbeat
SELECT max(last_seen_at) AS at FROM agents;
