-- One row per epoch_open; the columns of the close are null until epoch_close is in the log. Derived from the log and
-- the evidence files: whoever changes a row changes what the API shows, not what the verifier finds.
CREATE TABLE epochs (
    epoch BIGINT NOT NULL PRIMARY KEY,
    start_ms BIGINT NOT NULL,
    open_index BIGINT NOT NULL,
    allocation_root BYTEA NOT NULL,
    capacity_hs TEXT NOT NULL,
    close_index BIGINT,
    share_count BIGINT,
    work TEXT
);

-- The part of each closed epoch's work that each contract got: the server's claim in the API.
CREATE TABLE contract_epochs (
    contract_id BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    units_hs TEXT NOT NULL,
    work TEXT NOT NULL,
    PRIMARY KEY (contract_id, epoch)
);

-- Found blocks and what became of them: found, matured or orphaned.
CREATE TABLE blocks (
    hash BYTEA NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    height BIGINT NOT NULL,
    reward_sats BIGINT NOT NULL,
    status TEXT NOT NULL,
    found_index BIGINT NOT NULL,
    final_index BIGINT
);
CREATE INDEX blocks_by_epoch ON blocks (epoch);
CREATE INDEX blocks_by_status ON blocks (status, height);

-- Settled groups of epochs. Trusted: whoever deletes a row makes the server settle its epochs again, which the log's
-- readers see as a second settlement of one number.
CREATE TABLE settlements (
    settlement BIGINT NOT NULL PRIMARY KEY,
    entry_index BIGINT NOT NULL,
    first_epoch BIGINT NOT NULL,
    last_epoch BIGINT NOT NULL,
    reward_sats BIGINT NOT NULL,
    fee_sats BIGINT NOT NULL,
    carry_in_sats BIGINT NOT NULL,
    carry_out_sats BIGINT NOT NULL,
    settled_ms BIGINT NOT NULL
);

-- What each contract got from a settlement, in satoshis.
CREATE TABLE credits (
    contract_id BYTEA NOT NULL,
    settlement BIGINT NOT NULL REFERENCES settlements (settlement),
    credit_sats BIGINT NOT NULL,
    PRIMARY KEY (contract_id, settlement)
);
