-- What tenants may have. One without a row has what the server gives everybody; NULL is without a bound of its own.
CREATE TABLE quotas (
    tenant TEXT PRIMARY KEY,
    weight INTEGER NOT NULL,
    compilations INTEGER,
    fuel_a_day INTEGER,
    memory INTEGER,                -- bytes, as is storage
    storage INTEGER,
    environments INTEGER,
    modules INTEGER,
    ceiling_fuel INTEGER,          -- of one compilation, as are the others
    ceiling_memory INTEGER,
    ceiling_deadline INTEGER       -- seconds
) STRICT;

-- Fuel that tenants have used, by days since 1970 in UTC.
CREATE TABLE fuel (
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT, WITHOUT ROWID;
