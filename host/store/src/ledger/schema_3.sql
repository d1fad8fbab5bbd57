-- Schema 3.

-- Of a rollback: the deployment it went back to.
ALTER TABLE deployments ADD COLUMN restores INTEGER REFERENCES deployments;

-- The names alone: counting and listing modules does not read their manifests, of which there may be a million.
CREATE INDEX modules_present ON modules (name) WHERE present;
