-- What planners have applied: the newest version is in force, those before it can be gone back to.
CREATE TABLE plans (
    version bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by text        NOT NULL,
    why     text        NOT NULL,
    sha256  bytea       NOT NULL,
    -- Rows of texts by sheet, as the workbook has them.
    sheets  jsonb       NOT NULL,
    -- Places that plans have made: those that were there before any named them are never taken out of the tree.
    made    text[]      NOT NULL
);
