-- Schema 5: where a release came from, and who signed it. Nothing is known of those that were installed before.

-- A place in a registry, or a file or folder.
ALTER TABLE releases ADD COLUMN origin TEXT;
-- The digest that the registry had of it.
ALTER TABLE releases ADD COLUMN origin_digest TEXT;
-- The text of release.toml.minisig.
ALTER TABLE releases ADD COLUMN signature TEXT;
-- The id of the key by which it was taken in; none if nobody who is trusted has signed it.
ALTER TABLE releases ADD COLUMN signed_by TEXT;
