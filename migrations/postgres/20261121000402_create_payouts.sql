-- Payouts: each pays what contracts are owed with one transaction. Its state is stored before the step that it names is
-- taken. Trusted: whoever can change a row can make the server pay someone else, which the verifier shows to the owner.
CREATE TABLE payouts (
    payout BIGINT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL
        CHECK (state IN ('planned', 'signed', 'broadcast', 'confirmed', 'logged', 'cancelled')),
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    -- The chain's height then: its transaction is in a later block.
    planned_height BIGINT NOT NULL,
    from_settlement BIGINT NOT NULL,
    to_settlement BIGINT NOT NULL CHECK (to_settlement >= from_settlement),
    total_sats BIGINT NOT NULL CHECK (total_sats > 0),
    needs_approval BIGINT NOT NULL CHECK (needs_approval IN (0, 1)),
    approved_ms BIGINT,
    -- From then on somebody outside may sign it.
    handed_out_ms BIGINT,
    -- The attempt that is in a block, and where; stays behind for a while when that block leaves the chain.
    txid BYTEA,
    block_hash BYTEA,
    block_height BIGINT,
    block_index BIGINT,
    branch BYTEA,
    entry_index BIGINT,
    CHECK (state NOT IN ('confirmed', 'logged') OR (txid IS NOT NULL AND block_hash IS NOT NULL)),
    CHECK ((state = 'logged') = (entry_index IS NOT NULL))
);
CREATE INDEX payouts_by_state ON payouts (state, payout);

-- What each contract is paid, and by which output of every attempt.
CREATE TABLE payout_rows (
    payout BIGINT NOT NULL REFERENCES payouts (payout),
    contract_id BYTEA NOT NULL,
    sats BIGINT NOT NULL CHECK (sats > 0),
    vout BIGINT NOT NULL CHECK (vout >= 0),
    PRIMARY KEY (payout, contract_id)
);
CREATE INDEX payout_rows_by_contract ON payout_rows (contract_id, payout);

-- The coins that every attempt of a payout spends: no coin is in two payouts that may still be mined.
CREATE TABLE payout_inputs (
    txid BYTEA NOT NULL,
    vout BIGINT NOT NULL,
    payout BIGINT NOT NULL REFERENCES payouts (payout),
    sats BIGINT NOT NULL CHECK (sats > 0),
    PRIMARY KEY (txid, vout)
);
CREATE INDEX payout_inputs_by_payout ON payout_inputs (payout);

-- The transactions of a payout: the first, and those that replace it with a higher fee. They spend the same coins, so that
-- one of them at most is ever mined.
CREATE TABLE payout_attempts (
    payout BIGINT NOT NULL REFERENCES payouts (payout),
    attempt BIGINT NOT NULL,
    txid BYTEA NOT NULL,
    fee_sats BIGINT NOT NULL CHECK (fee_sats >= 0),
    -- Of the last output, which pays the rest back; 0 without one.
    change_sats BIGINT NOT NULL CHECK (change_sats >= 0),
    vsize BIGINT NOT NULL CHECK (vsize > 0),
    psbt BYTEA NOT NULL,
    -- With its signatures, and since when.
    signed_transaction BYTEA,
    signed_ms BIGINT,
    signed_by TEXT CHECK (signed_by IN ('server', 'outside')),
    PRIMARY KEY (payout, attempt),
    CHECK ((signed_transaction IS NULL) = (signed_ms IS NULL) AND (signed_ms IS NULL) = (signed_by IS NULL))
);
