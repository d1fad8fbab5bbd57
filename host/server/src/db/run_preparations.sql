-- Which preparation or rehearsal of its environment a run is, so that its end takes away no row but its own.
ALTER TABLE runs ADD COLUMN preparation INTEGER NOT NULL DEFAULT 0;
