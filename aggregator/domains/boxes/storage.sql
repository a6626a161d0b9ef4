-- name: full_in_days
-- A straight line through three days of each box's free space, where that is falling steadily: what comes and goes, or was
-- one large file, is no trend.
SELECT site, agent, (last_free / -slope) / 86400 AS days FROM (
    SELECT site, agent, count(*) AS samples, max(at) - min(at) AS span,
           regr_slope(disk_free, extract(epoch FROM at)) AS slope, regr_r2(disk_free, extract(epoch FROM at)) AS fit,
           (array_agg(disk_free ORDER BY at DESC))[1] AS last_free
    FROM health_samples WHERE at > %(now)s - interval '3 days' AND at <= %(now)s GROUP BY site, agent
) trend
WHERE samples >= 24 AND span >= interval '1 day' AND fit > 0.8 AND slope < 0 AND last_free > 0;

-- name: said_to_fill
SELECT site, agent FROM conditions WHERE active AND subject = 'box' AND condition = %(condition)s;
