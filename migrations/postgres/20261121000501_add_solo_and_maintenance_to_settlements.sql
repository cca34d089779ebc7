-- What of a reward was drawn for solo contracts, and what all contracts paid for running the machines.
ALTER TABLE settlements ADD COLUMN solo_sats BIGINT NOT NULL DEFAULT 0;
ALTER TABLE settlements ADD COLUMN maintenance_sats BIGINT NOT NULL DEFAULT 0;
