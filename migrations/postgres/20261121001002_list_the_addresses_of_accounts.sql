-- The addresses that an account may be paid to. A row is added once and removed once at most, and never deleted: the rows
-- are the trail of who could be paid when. Trusted: whoever can change a row can let a new contract or a refund pay someone
-- else; contracts that exist keep their script.
CREATE TABLE account_addresses (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    script BYTEA NOT NULL,
    address TEXT NOT NULL,
    label TEXT NOT NULL,
    added_ms BIGINT NOT NULL CHECK (added_ms >= 0),
    -- From then on it may be used.
    usable_ms BIGINT NOT NULL CHECK (usable_ms >= added_ms),
    removed_ms BIGINT CHECK (removed_ms >= added_ms),
    PRIMARY KEY (account_id, script, added_ms)
);
CREATE UNIQUE INDEX account_addresses_listed ON account_addresses (account_id, script) WHERE removed_ms IS NULL;

-- What accounts are paid to already.
INSERT INTO account_addresses (account_id, script, address, label, added_ms, usable_ms)
    SELECT account_id, payout_script, MIN(payout_address), '', MIN(created_ms), MIN(created_ms)
    FROM contracts GROUP BY account_id, payout_script;
