-- Environments that are upgraded by themselves.
CREATE TABLE follows (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    follow TEXT NOT NULL,
    hours TEXT,                    -- when; none for at once
    reached TEXT,                  -- the version that it was last upgraded to by itself
    begun TEXT,                    -- the version that it is being upgraded to, until its preparation has begun
    PRIMARY KEY (tenant, environment)
) STRICT, WITHOUT ROWID;

-- Upgrades that somebody has asked for and whose time has not come.
CREATE TABLE scheduled (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    version TEXT NOT NULL,
    request TEXT NOT NULL,         -- JSON
    who TEXT NOT NULL,
    at INTEGER NOT NULL,           -- milliseconds since 1970
    PRIMARY KEY (tenant, environment)
) STRICT, WITHOUT ROWID;
