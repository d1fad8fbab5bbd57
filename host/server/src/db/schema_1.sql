-- Times are in milliseconds since 1970.
CREATE TABLE tenants (
    name TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    tenant TEXT,                   -- none: the whole server
    scope INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- What runs, so that it goes on after a restart. At most one preparation and one rehearsal an environment.
CREATE TABLE runs (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    rehearsal INTEGER NOT NULL,
    request TEXT NOT NULL,         -- JSON
    who TEXT NOT NULL,
    paused INTEGER NOT NULL,
    PRIMARY KEY (tenant, environment, rehearsal)
) STRICT, WITHOUT ROWID;

-- Answers to requests with an Idempotency-Key. Without a status it is still being worked on.
CREATE TABLE replies (
    token INTEGER NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,         -- the hash of what was asked
    at INTEGER NOT NULL,
    status INTEGER,
    content_type TEXT,
    body BLOB,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    token INTEGER,
    who TEXT NOT NULL,
    tenant TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant, id);
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
