-- name: register
-- What it did before is kept: when it is due does not begin anew with each start of its process. Time in which it was not
-- run at all is no time in which it failed.
INSERT INTO jobs (name, process, every_s, patience_s) VALUES (%(name)s, %(process)s, %(every_s)s, %(patience_s)s)
ON CONFLICT (name) DO UPDATE SET process = excluded.process, every_s = excluded.every_s, patience_s = excluded.patience_s,
    started_at = now(), failed_since = jobs.failed_since + (now() - coalesce(jobs.ended_at, jobs.failed_since))
RETURNING extract(epoch FROM coalesce(done_at, registered_at) - now())::double precision + every_s AS due_in_s;

-- name: done
UPDATE jobs SET ended_at = now(), done_at = now(), took_s = %(took_s)s, failures = 0, failed_since = NULL, error = ''
WHERE name = %(name)s;

-- name: failed
UPDATE jobs SET ended_at = now(), took_s = %(took_s)s, failures = failures + 1, error = %(error)s,
    failed_since = coalesce(failed_since, now())
WHERE name = %(name)s;

-- name: forget_jobs
-- That are declared no more, or whose process is no longer among ours.
DELETE FROM jobs WHERE (process = %(process)s AND NOT name = ANY(%(names)s)) OR NOT process = ANY(%(processes)s);
