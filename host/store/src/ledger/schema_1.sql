-- Schema 1. Times are milliseconds since 1970, digests and keys are 32 bytes, columns named `record` hold sealed postcard
-- (record.rs), and states and kinds are the numbers that the files of the tables map.
PRAGMA application_id = 0x50464142;

-- One row: the platform version that the environment is on.
CREATE TABLE platform (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version TEXT NOT NULL,
    release BLOB NOT NULL
) STRICT;

CREATE TABLE releases (
    version      TEXT PRIMARY KEY,
    digest       BLOB NOT NULL,
    manifest     TEXT NOT NULL,
    installed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A module that was removed keeps its row, so that what is told of it stays true; it is not present.
CREATE TABLE modules (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    root        BLOB NOT NULL,
    kind        INTEGER NOT NULL,
    application TEXT,
    record      BLOB NOT NULL, -- the manifest
    added_at    INTEGER NOT NULL,
    present     INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshots (
    module INTEGER PRIMARY KEY REFERENCES modules,
    record BLOB NOT NULL
) STRICT;

-- The caps under which outcomes were reached: few different sets.
CREATE TABLE limits (
    id     INTEGER PRIMARY KEY,
    record BLOB NOT NULL UNIQUE
) STRICT;

-- Small rows, found by key, inserted at random places; what is long is in details, which only grows at its end.
CREATE TABLE outcomes (
    key         BLOB PRIMARY KEY,
    kind        INTEGER NOT NULL,
    cap         INTEGER,          -- the limit that was hit
    stored      BLOB,             -- digest of the bundle or the signature
    size        INTEGER,          -- of the bundle as stored
    fuel        INTEGER,
    peak_memory INTEGER NOT NULL,
    nanoseconds INTEGER NOT NULL,
    limits      INTEGER NOT NULL REFERENCES limits,
    module      INTEGER NOT NULL REFERENCES modules,
    compiler    TEXT NOT NULL,
    task        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    detail      INTEGER REFERENCES details
) STRICT, WITHOUT ROWID;

CREATE TABLE details (
    id     INTEGER PRIMARY KEY,
    record BLOB NOT NULL -- reason, diagnostics and log
) STRICT;

CREATE TABLE signatures (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    bytes  BLOB NOT NULL
) STRICT;

-- The outcome of the latest success of a module with a compiler, whatever its version: for its signature and its cost.
CREATE TABLE successes (
    module   INTEGER NOT NULL REFERENCES modules,
    compiler TEXT NOT NULL,
    task     INTEGER NOT NULL,
    key      BLOB NOT NULL REFERENCES outcomes,
    PRIMARY KEY (module, compiler, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE preparations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    version     TEXT NOT NULL,
    release     BLOB NOT NULL,
    state       INTEGER NOT NULL,
    holder_pid  INTEGER NOT NULL,
    holder      TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    modules     INTEGER NOT NULL,
    signed      INTEGER NOT NULL,
    prepared    INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    skipped     INTEGER NOT NULL,
    reused      INTEGER NOT NULL,
    host_errors INTEGER NOT NULL
) STRICT;

-- How each module ended in each preparation.
CREATE TABLE results (
    preparation INTEGER NOT NULL REFERENCES preparations,
    module      INTEGER NOT NULL REFERENCES modules,
    state       INTEGER NOT NULL,
    root        INTEGER REFERENCES modules, -- of a module that was skipped
    reused      INTEGER NOT NULL,
    host_error  TEXT,
    record      BLOB NOT NULL, -- notes and compilations
    PRIMARY KEY (preparation, module)
) STRICT, WITHOUT ROWID;

-- Most modules are prepared; the others are asked for.
CREATE INDEX results_not_prepared ON results (preparation, module, state) WHERE state <> 1;

-- Every publishing of a module; the latest one of a module that has a row in deployed is what is deployed.
CREATE TABLE deployments (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    module      INTEGER NOT NULL REFERENCES modules,
    preparation INTEGER REFERENCES preparations,
    version     TEXT NOT NULL,
    release     BLOB NOT NULL,
    at          INTEGER NOT NULL,
    who         TEXT NOT NULL,
    record      BLOB NOT NULL -- the bundles
) STRICT;

CREATE INDEX deployments_of_module ON deployments (module, id);

CREATE TABLE deployed (
    module     INTEGER PRIMARY KEY REFERENCES modules,
    deployment INTEGER NOT NULL REFERENCES deployments
) STRICT;

CREATE TABLE history (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT NOT NULL,
    what   TEXT NOT NULL,
    detail TEXT NOT NULL -- JSON
) STRICT;
