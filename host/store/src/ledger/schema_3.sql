-- Schema 3. Of a rollback: the deployment it went back to.
ALTER TABLE deployments ADD COLUMN restores INTEGER REFERENCES deployments;
