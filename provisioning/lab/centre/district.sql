-- A district of 6,000 sites in four levels, with 1,100 boxes and 20,000 alerts, for `hawkline bench api`.
INSERT INTO places (name, above) VALUES ('city', NULL);
INSERT INTO places (name, above) SELECT 'district-' || n, 'city' FROM generate_series(0, 9) n;
INSERT INTO places (name, above) SELECT 'station-' || n, 'district-' || n % 10 FROM generate_series(0, 199) n;
INSERT INTO places (name, above) SELECT 'village-' || n, 'station-' || n % 200 FROM generate_series(0, 5999) n;
INSERT INTO agents (site, agent, state, last_seen_at, health)
    SELECT 'village-' || n * 5, 'gate', 'online', now(), '{}' FROM generate_series(0, 1099) n;
INSERT INTO producers (site, agent, epoch) SELECT 'village-' || n * 5, 'gate', 1 FROM generate_series(0, 1099) n;
INSERT INTO alerts (key, condition, priority, subject, site, agent, camera, name, first_at, last_at, confirmed_at, members)
    SELECT 'key ' || n, 'tripwire', 2, 'line', 'village-' || (n % 1100) * 5, 'gate', 'road', 'fence',
           now() - n * interval '1 minute', now() - n * interval '1 minute', now(), 1
    FROM generate_series(0, 19999) n;
INSERT INTO sensors (site, agent, sensor, what, state, since, told_at, detail)
    SELECT 'village-' || n * 5, 'gate', 'door', 'door', 'normal', now(), now(), '' FROM generate_series(0, 1099) n;
