-- What a box said that made a condition of its own end ring, such as a covered camera: its pictures are the alert's.
CREATE TABLE alert_origins (
    producer_id int NOT NULL,
    lane        smallint NOT NULL,
    seq         bigint NOT NULL,
    alert_id    bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    PRIMARY KEY (producer_id, lane, seq, alert_id)
);
CREATE INDEX alert_origins_by_alert ON alert_origins (alert_id);
