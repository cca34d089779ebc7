-- What is for sale. Prices and sizes of an offer never change: a change is a new offer.
CREATE TABLE offers (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    price_sats_per_ths_day BIGINT NOT NULL CHECK (price_sats_per_ths_day > 0),
    min_units_hs TEXT NOT NULL,
    max_units_hs TEXT NOT NULL,
    step_units_hs TEXT NOT NULL,
    term_ms BIGINT NOT NULL CHECK (term_ms > 0),
    capacity_hs TEXT NOT NULL,
    -- Index of the log entry with the terms that a contract of this offer is under.
    terms_index BIGINT NOT NULL CHECK (terms_index >= 0),
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0)
);

-- What was bought. From confirmation on, contract_id, details, from_ms, until_ms and leaf_index are in the log and fixed.
CREATE TABLE contracts (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    offer_id TEXT NOT NULL REFERENCES offers (id),
    status TEXT NOT NULL CHECK (status IN ('reserved', 'active', 'fulfilled', 'cancelled')),
    units_hs TEXT NOT NULL,
    price_sats BIGINT NOT NULL CHECK (price_sats > 0),
    term_ms BIGINT NOT NULL CHECK (term_ms > 0),
    terms_index BIGINT NOT NULL CHECK (terms_index >= 0),
    payout_address TEXT NOT NULL,
    payout_script BLOB NOT NULL,
    -- Drawn by the buyer's program: only who knows it can link the contract to its entry in the log.
    nonce BLOB NOT NULL,
    payment_reference TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    reserved_until_ms BIGINT NOT NULL CHECK (reserved_until_ms > created_ms),
    received_sats BIGINT CHECK (received_sats >= price_sats),
    payment_note TEXT,
    contract_id BLOB UNIQUE,
    details TEXT,
    from_ms BIGINT,
    until_ms BIGINT CHECK (until_ms > from_ms),
    leaf_index BIGINT,
    CHECK (status IN ('reserved', 'cancelled') OR (
        contract_id IS NOT NULL AND details IS NOT NULL AND from_ms IS NOT NULL
        AND until_ms IS NOT NULL AND leaf_index IS NOT NULL AND received_sats IS NOT NULL
    ))
);

CREATE INDEX contracts_by_account ON contracts (account_id, created_ms, id);
CREATE INDEX contracts_by_offer ON contracts (offer_id, status);
CREATE INDEX contracts_by_status ON contracts (status, created_ms, id);
CREATE INDEX contracts_by_term ON contracts (until_ms);
