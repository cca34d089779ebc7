-- Locked by whoever takes of the declared capacity, which all offers share.
CREATE TABLE sales_lock (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1)
);
INSERT INTO sales_lock (id) VALUES (1);

-- What a purchase will cost for a while, item by item.
CREATE TABLE quotes (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    offer_id TEXT NOT NULL REFERENCES offers (id),
    units_hs TEXT NOT NULL,
    term_ms BIGINT NOT NULL CHECK (term_ms > 0),
    price_sats_per_ths_day BIGINT NOT NULL CHECK (price_sats_per_ths_day > 0),
    price_sats BIGINT NOT NULL CHECK (price_sats > 0),
    maintenance_sats BIGINT NOT NULL CHECK (maintenance_sats >= 0),
    fee_ppm BIGINT NOT NULL CHECK (fee_ppm BETWEEN 0 AND 1000000),
    terms_index BIGINT NOT NULL CHECK (terms_index >= 0),
    -- SHA-256 of the log entry with the terms.
    terms_sha256 BYTEA NOT NULL,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    expires_ms BIGINT NOT NULL CHECK (expires_ms > created_ms),
    -- The purchase that used it.
    contract_id TEXT UNIQUE REFERENCES contracts (id)
);
CREATE INDEX quotes_by_account ON quotes (account_id, expires_ms);
