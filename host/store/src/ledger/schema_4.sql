-- Schema 4: what belongs to a module lies together, and totals are counted where they change.

-- As before, and found within its module, whose name is in the key. Keys are random: by the key alone, every row of a batch was on a page of
-- its own, and so the time for a module grew with their number.
CREATE TABLE outcomes_by_module (
    module      INTEGER NOT NULL REFERENCES modules,
    key         BLOB NOT NULL,
    kind        INTEGER NOT NULL,
    cap         INTEGER,          -- the limit that was hit
    stored      BLOB,             -- digest of the bundle or the signature
    size        INTEGER,          -- of the bundle as stored
    fuel        INTEGER,
    peak_memory INTEGER NOT NULL,
    nanoseconds INTEGER NOT NULL,
    limits      INTEGER NOT NULL REFERENCES limits,
    compiler    TEXT NOT NULL,
    task        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    detail      INTEGER REFERENCES details,
    inputs      INTEGER REFERENCES inputs,
    PRIMARY KEY (module, key)
) STRICT, WITHOUT ROWID;

INSERT INTO outcomes_by_module
    SELECT module, key, kind, cap, stored, size, fuel, peak_memory, nanoseconds, limits, compiler, task, created_at, detail, inputs
    FROM outcomes ORDER BY module, key;

DROP TABLE outcomes;
ALTER TABLE outcomes_by_module RENAME TO outcomes;

-- As before, and refers to outcomes by what they are found by now.
CREATE TABLE successes_by_module (
    module   INTEGER NOT NULL REFERENCES modules,
    compiler TEXT NOT NULL,
    task     INTEGER NOT NULL,
    key      BLOB NOT NULL,
    PRIMARY KEY (module, compiler, task),
    FOREIGN KEY (module, key) REFERENCES outcomes
) STRICT, WITHOUT ROWID;

INSERT INTO successes_by_module SELECT module, compiler, task, key FROM successes ORDER BY module, compiler, task;

DROP TABLE successes;
ALTER TABLE successes_by_module RENAME TO successes;

-- As before, and found by the module they are of, as outcomes are.
CREATE TABLE signatures_by_module (
    module INTEGER NOT NULL, -- 0 of those of which it is no longer known
    digest BLOB NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (module, digest)
) STRICT, WITHOUT ROWID;

INSERT INTO signatures_by_module
    SELECT DISTINCT o.module, s.digest, s.bytes FROM outcomes o JOIN signatures s ON s.digest = o.stored WHERE o.kind = 1;
-- Their outcomes were collected as garbage; what was compiled with them was not.
INSERT INTO signatures_by_module
    SELECT 0, digest, bytes FROM signatures WHERE digest NOT IN (SELECT digest FROM signatures_by_module);

DROP TABLE signatures;
ALTER TABLE signatures_by_module RENAME TO signatures;

-- One row: how many modules are present, and of how many something is deployed. Counting a million rows takes longer than `status` may.
CREATE TABLE totals (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    modules  INTEGER NOT NULL,
    deployed INTEGER NOT NULL
) STRICT;

INSERT INTO totals VALUES
    (1, (SELECT count(*) FROM modules WHERE present), (SELECT count(*) FROM deployed));

-- Rows of these two tables are never replaced by INSERT OR REPLACE, which deletes without a trigger.
CREATE TRIGGER module_put AFTER INSERT ON modules WHEN new.present BEGIN
    UPDATE totals SET modules = modules + 1;
END;
CREATE TRIGGER module_changed AFTER UPDATE OF present ON modules WHEN new.present <> old.present BEGIN
    UPDATE totals SET modules = modules + new.present - old.present;
END;
CREATE TRIGGER module_deleted AFTER DELETE ON modules WHEN old.present BEGIN
    UPDATE totals SET modules = modules - 1;
END;
CREATE TRIGGER deployed_put AFTER INSERT ON deployed BEGIN
    UPDATE totals SET deployed = deployed + 1;
END;
CREATE TRIGGER deployed_deleted AFTER DELETE ON deployed BEGIN
    UPDATE totals SET deployed = deployed - 1;
END;
