CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- Numbers up to reserved_to may have been used; up to durable_to they lie, or lay, on disk.
-- clean_next is set only by an orderly close.
CREATE TABLE IF NOT EXISTS lanes (
    lane        INTEGER PRIMARY KEY,
    reserved_to INTEGER NOT NULL,
    durable_to  INTEGER NOT NULL,
    clean_next  INTEGER
);

CREATE TABLE IF NOT EXISTS events (
    lane INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    row  BLOB    NOT NULL,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;

-- Runs of numbers stamped by one setting of the wall clock, and by how much it was set since, in the same boot.
CREATE TABLE IF NOT EXISTS frames (
    lane     INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    shift_ms INTEGER NOT NULL,
    boot     TEXT    NOT NULL,
    PRIMARY KEY (lane, first)
) WITHOUT ROWID;

-- Events that the aggregator never answered to: kept for maintenance staff who look into it, sent no more.
CREATE TABLE IF NOT EXISTS quarantine (
    lane  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    row   BLOB    NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;

-- The newest applied configuration, so that a restart without a change announces nothing.
CREATE TABLE IF NOT EXISTS applied (revision INTEGER PRIMARY KEY, content BLOB NOT NULL);

-- Pictures in the ring, by the event that they prove. Two events may share one picture.
CREATE TABLE IF NOT EXISTS pictures (
    lane     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    sha256   BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    taken_ms INTEGER NOT NULL,
    uploaded INTEGER NOT NULL DEFAULT 0,
    tries    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, lane, seq, sha256)
) WITHOUT ROWID;
-- Of hits of lists: their plates can be read. They leave the card as soon as the centre has them, or will never take them.
CREATE TABLE IF NOT EXISTS passing_pictures (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pictures_by_sha256 ON pictures (sha256);
CREATE INDEX IF NOT EXISTS pictures_waiting ON pictures (uploaded, tries, taken_ms);
