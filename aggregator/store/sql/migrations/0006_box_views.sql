CREATE INDEX gaps_by_producer ON gaps (producer_id, recorded_at);

-- A box as people see it: how wrong its clock is by its last heartbeat, and how many numbers of the last week stand for
-- events that will not come. Numbers that a restart skipped were most likely never used.
CREATE VIEW box_views AS
SELECT
    a.site, a.agent, a.state, a.state_since, a.last_seen_at, a.born_at, a.session, a.version, a.health_interval_s, a.health,
    round(((a.health ->> 'at_ms')::numeric / 1000 - extract(epoch FROM a.last_seen_at)), 1)::double precision AS clock_off_s,
    least(coalesce((
        SELECT sum(g.last::numeric - g.first + 1) FROM gaps g
        JOIN producers p ON p.id = g.producer_id
        WHERE p.site = a.site AND p.agent = a.agent
          AND g.reason <> 'restart' AND g.recorded_at > now() - interval '7 days'
    ), 0), 9223372036854775807)::bigint AS lost
FROM agents a;
