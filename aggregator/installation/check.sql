-- name: settings
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('data_checksums') AS data_checksums, current_setting('server_encoding') AS encoding;

-- name: applied
SELECT number FROM migrations ORDER BY number;

-- name: stray_numbers
-- Events whose number their cursor does not hold as received: there can be none.
SELECT count(*) AS found FROM events e LEFT JOIN cursors c USING (producer_id, lane)
WHERE e.event_at >= %(from)s AND e.event_at < %(until)s
  AND (c.contiguous IS NULL OR e.seq > c.contiguous AND NOT c.above @> e.seq);

-- name: twice_stored
SELECT count(*) AS found FROM (
    SELECT FROM events WHERE event_at >= %(from)s AND event_at < %(until)s
    GROUP BY producer_id, lane, seq HAVING count(*) > 1
) twice;

-- name: crossings_stored
SELECT count(*) AS found FROM events WHERE event_at >= %(from)s AND event_at < %(until)s AND kind = 1;

-- name: boxes_disks
-- As they told last.
SELECT site, agent, coalesce((health->>'disk_free_bytes')::numeric, 0)::bigint AS free FROM agents
WHERE health IS NOT NULL AND last_seen_at > now() - interval '7 days' ORDER BY free, site, agent;

-- name: pictures
SELECT sha256 FROM evidence WHERE stored_at IS NOT NULL ORDER BY sha256;
