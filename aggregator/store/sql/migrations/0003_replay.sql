-- Which numbers a dead letter stands for: they are settled, and a replay may still store their events.
ALTER TABLE dead_letters
    ADD COLUMN producer_id int,
    ADD COLUMN lane        smallint,
    ADD COLUMN numbers     int8multirange NOT NULL DEFAULT '{}';
