-- Double entry: the postings of a transaction sum to zero, a balance is the sum of an account's postings.
CREATE TABLE ledger_transactions (
    id TEXT NOT NULL PRIMARY KEY,
    -- What happened, and the one thing it happened to: nothing is ever booked twice.
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    UNIQUE (kind, reference)
);

CREATE TABLE ledger_postings (
    transaction_id TEXT NOT NULL REFERENCES ledger_transactions (id),
    line BIGINT NOT NULL CHECK (line >= 0),
    account TEXT NOT NULL,
    -- Debit positive, credit negative. The bound is every satoshi there will ever be.
    amount_sats BIGINT NOT NULL
        CHECK (amount_sats <> 0 AND amount_sats BETWEEN -2100000000000000 AND 2100000000000000),
    PRIMARY KEY (transaction_id, line)
);

CREATE INDEX ledger_postings_by_account ON ledger_postings (account);

-- Append-only: a mistake is corrected by a further transaction.
CREATE TRIGGER ledger_transactions_refuse_update BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
CREATE TRIGGER ledger_transactions_refuse_delete BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
CREATE TRIGGER ledger_postings_refuse_update BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_postings_refuse_delete BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
