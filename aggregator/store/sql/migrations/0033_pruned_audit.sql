-- Number and hash of every entry of the audit that was deleted for its age: whoever wrote one down can still ask for it.
CREATE TABLE audit_pruned (number bigint PRIMARY KEY, hash bytea NOT NULL);

-- The first of them that the anchor speaks for, and a digest of all up to its own; both are signed with it. NULL in
-- anchors of before: what lies behind those cannot be asked for.
ALTER TABLE audit_anchors ADD COLUMN first bigint;
ALTER TABLE audit_anchors ADD COLUMN digest bytea;
