-- For how long each box and each camera was known to be well, by the quarter-hour: a day in one row, 96 numbers of
-- milliseconds. Camera '' is the box itself. What is not covered cannot be confirmed.
CREATE TABLE coverage (
    site    text  NOT NULL,
    agent   text  NOT NULL,
    camera  text  NOT NULL,
    day     date  NOT NULL,
    covered int[] NOT NULL DEFAULT array_fill(0, ARRAY[96]),
    total   int   NOT NULL DEFAULT 0,
    PRIMARY KEY (site, agent, camera, day)
) WITH (fillfactor = 60);
CREATE INDEX coverage_by_day ON coverage (day);

-- The first heartbeat of each quarter-hour, in numbers: how a box did over weeks.
CREATE TABLE health_samples (
    site           text             NOT NULL,
    agent          text             NOT NULL,
    at             timestamptz      NOT NULL,
    cameras        smallint         NOT NULL,
    watching       smallint         NOT NULL,
    dropped        bigint           NOT NULL,
    waiting        bigint           NOT NULL,
    pictures       bigint           NOT NULL,
    disk_free      bigint           NOT NULL,
    temperature_c  real,
    load_1m        real             NOT NULL,
    clock_off_s    double precision NOT NULL,
    PRIMARY KEY (site, agent, at)
);
CREATE INDEX health_samples_by_time ON health_samples (at);
