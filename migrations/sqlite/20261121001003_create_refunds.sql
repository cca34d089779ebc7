-- Where an account wants back what it paid above prices or too late. It counts only while the address is on the account's
-- list. Trusted: whoever can change a row can let the operator refund to someone else.
CREATE TABLE refund_addresses (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    script BLOB NOT NULL,
    chosen_ms BIGINT NOT NULL CHECK (chosen_ms >= 0)
);

-- Outputs with which the operator has refunded accounts, from a wallet of his own.
CREATE TABLE refunds (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    address TEXT NOT NULL,
    script BLOB NOT NULL,
    refund_sats BIGINT NOT NULL CHECK (refund_sats > 0),
    txid BLOB NOT NULL,
    vout BIGINT NOT NULL CHECK (vout >= 0),
    state TEXT NOT NULL CHECK (state IN ('recorded', 'confirmed', 'booked', 'wrong')),
    recorded_ms BIGINT NOT NULL CHECK (recorded_ms >= 0),
    -- The chain's height then: the output is in a block near it, or will be.
    recorded_height BIGINT NOT NULL,
    -- The block that it is in; stays behind when that block leaves the chain.
    block_hash BLOB,
    block_height BIGINT,
    CHECK (state NOT IN ('confirmed', 'booked') OR (block_hash IS NOT NULL AND block_height IS NOT NULL))
);
-- An output refunds once.
CREATE UNIQUE INDEX refunds_by_output ON refunds (txid, vout) WHERE state <> 'wrong';
CREATE INDEX refunds_by_account ON refunds (account_id, recorded_ms);
CREATE INDEX refunds_by_state ON refunds (state, recorded_ms);
