-- What the log says of a contract after it was opened. Trusted: whoever changes a row makes the server leave a contract out
-- of epochs, or list one, against the log; the verifier finds it (alloc.all).
CREATE TABLE contract_changes (
    leaf_index BIGINT NOT NULL PRIMARY KEY,
    contract_id BYTEA NOT NULL REFERENCES contracts (contract_id),
    kind TEXT NOT NULL CHECK (kind IN ('suspended', 'resumed', 'fulfilled', 'closed')),
    reason TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX contract_changes_by_contract ON contract_changes (contract_id, leaf_index);

-- The period in which a contract's life ended; null while it goes on.
ALTER TABLE contracts ADD COLUMN ended_in BIGINT;

-- The periods whose end was looked at; entry_index is null where nobody was owed anything. Trusted: whoever deletes the last
-- row makes the server conclude its period again, which the log's readers see as a second conclusion of one number.
CREATE TABLE concluded_periods (
    period BIGINT NOT NULL PRIMARY KEY,
    entry_index BIGINT,
    refund_sats BIGINT NOT NULL,
    make_good_sats BIGINT NOT NULL
);
CREATE TABLE conclusion_credits (
    contract_id BYTEA NOT NULL PRIMARY KEY,
    period BIGINT NOT NULL REFERENCES concluded_periods (period),
    refund_sats BIGINT NOT NULL,
    make_good_sats BIGINT NOT NULL
);
