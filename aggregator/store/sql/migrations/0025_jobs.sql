-- What is done by the clock: when each job was done last, and since when it fails.
CREATE TABLE jobs (
    name          text PRIMARY KEY,
    process       text             NOT NULL,
    every_s       double precision NOT NULL,
    patience_s    double precision NOT NULL,
    registered_at timestamptz      NOT NULL DEFAULT now(),
    started_at    timestamptz      NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    done_at       timestamptz,
    took_s        double precision,
    failures      int              NOT NULL DEFAULT 0,
    failed_since  timestamptz,
    error         text             NOT NULL DEFAULT ''
);
