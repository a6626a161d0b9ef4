-- Of each lane and hour: how many vehicles passed, and of how many the plate was not read.
CREATE TABLE lane_hours (
    producer_id int         NOT NULL REFERENCES producers (id) ON DELETE CASCADE,
    revision    int         NOT NULL,
    line        int         NOT NULL,
    hour        timestamptz NOT NULL,
    passed      bigint      NOT NULL,
    unread      bigint      NOT NULL,
    PRIMARY KEY (producer_id, revision, line, hour)
);
CREATE INDEX lane_hours_by_hour ON lane_hours (hour);
