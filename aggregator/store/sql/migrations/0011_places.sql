-- What lies above sites: stations, districts, a city. A site is a place too, and need not be in the tree.
CREATE TABLE places (
    name  text PRIMARY KEY,
    above text REFERENCES places ON UPDATE CASCADE,
    title text NOT NULL DEFAULT ''
);
CREATE INDEX places_by_above ON places (above);
