-- What of lists goes to boxes: hashes of their entries, made once for all boxes, and which lists each box was asked to hold.
CREATE TABLE list_hashes (
    list  bigint NOT NULL,
    entry int    NOT NULL,
    -- Which secret: of which month, and of which installation.
    under bytea  NOT NULL,
    slow  bytea  NOT NULL,
    PRIMARY KEY (list, entry, under),
    FOREIGN KEY (list, entry) REFERENCES list_entries ON DELETE CASCADE
);
-- Of these lists all entries are hashed.
CREATE TABLE list_hashed (
    list  bigint NOT NULL REFERENCES lists ON DELETE CASCADE,
    under bytea  NOT NULL,
    PRIMARY KEY (list, under)
);
CREATE TABLE box_watchlists (
    site    text     NOT NULL,
    agent   text     NOT NULL,
    content text     NOT NULL,
    month   text     NOT NULL,
    lists   bigint[] NOT NULL,
    PRIMARY KEY (site, agent)
);
