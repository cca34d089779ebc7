-- What found blocks pay: the outputs of their coinbases. Two found blocks may share a coinbase, of which one at most stays
-- on the chain. Derived from the shares: whoever changes a row makes the next list of liabilities fail the audit.
CREATE TABLE coins (
    block_hash BLOB NOT NULL REFERENCES blocks (hash),
    vout BIGINT NOT NULL,
    txid BLOB NOT NULL,
    coin_sats BIGINT NOT NULL CHECK (coin_sats > 0),
    PRIMARY KEY (block_hash, vout)
);

-- The lists of liabilities that are logged. Trusted: whoever deletes the last row makes the server log its number again,
-- which the log's readers see.
CREATE TABLE liabilities (
    liabilities BIGINT NOT NULL PRIMARY KEY,
    entry_index BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    settlement BIGINT NOT NULL,
    balance_count BIGINT NOT NULL,
    balance_sats BIGINT NOT NULL,
    coin_count BIGINT NOT NULL,
    coin_sats BIGINT NOT NULL
);
