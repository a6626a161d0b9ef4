CREATE INDEX gaps_by_producer ON gaps (producer_id, recorded_at);

-- A box as people see it: how wrong its clock is by its last heartbeat, and how many numbers of the last week stand for
-- events that will not come: recorded as gaps, still missing, and not among those that a restart skipped unused (such a
-- range is recorded twice: when the numbers behind it come, and when the box says why).
CREATE VIEW box_views AS
SELECT
    a.site, a.agent, a.state, a.state_since, a.last_seen_at, a.born_at, a.session, a.version, a.health_interval_s, a.health,
    round(((a.health ->> 'at_ms')::numeric / 1000 - extract(epoch FROM a.last_seen_at)), 1)::double precision AS clock_off_s,
    least(coalesce((
        SELECT sum(upper(lost)::numeric - lower(lost)) FROM (
            SELECT unnest(
                coalesce(range_agg(int8range(g.first, g.last, '[]')) FILTER (WHERE g.reason <> 'restart'), '{}') * c.missing
                - coalesce(range_agg(int8range(g.first, g.last, '[]')) FILTER (WHERE g.reason = 'restart'), '{}')
            ) AS lost
            FROM producers p
            JOIN gaps g ON g.producer_id = p.id AND g.recorded_at > now() - interval '7 days' AND g.first <= g.last
            JOIN cursors c ON (c.producer_id, c.lane) = (p.id, g.lane)
            WHERE p.site = a.site AND p.agent = a.agent
            GROUP BY p.id, g.lane, c.missing
        ) of_lanes
    ), 0), 9223372036854775807)::bigint AS lost
FROM agents a;
