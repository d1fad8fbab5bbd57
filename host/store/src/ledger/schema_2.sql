-- Schema 2: rehearsals beside preparations, what was compiled in full, the platform version before, and sources that are kept.

-- 0 a preparation, 1 a rehearsal.
ALTER TABLE preparations ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

-- What `prefab upgrade --undo` goes back to; none once it cannot.
ALTER TABLE platform ADD COLUMN previous_version TEXT;
ALTER TABLE platform ADD COLUMN previous_release BLOB;

-- What was compiled, so that it can be compiled again and told to others. Only grows at its end.
CREATE TABLE inputs (
    id     INTEGER PRIMARY KEY,
    record BLOB NOT NULL -- the compilation
) STRICT;

ALTER TABLE outcomes ADD COLUMN inputs INTEGER REFERENCES inputs;

-- The sources of what was published: the blob that has the files of a source digest.
CREATE TABLE sources (
    digest BLOB PRIMARY KEY,
    blob   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
