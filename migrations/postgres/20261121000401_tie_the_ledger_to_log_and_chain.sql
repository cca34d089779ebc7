-- What shows that a transaction happened: the entry of the log that says so, the transaction of the chain, or both. For a
-- block's reward the chain's side is in the entry.
ALTER TABLE ledger_transactions ADD COLUMN log_index BIGINT;
ALTER TABLE ledger_transactions ADD COLUMN txid BYTEA;

CREATE INDEX ledger_transactions_by_log_index ON ledger_transactions (log_index);
CREATE INDEX ledger_transactions_by_time ON ledger_transactions (created_ms, id);

ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_need_a_voucher
CHECK (log_index IS NOT NULL OR txid IS NOT NULL) NOT VALID;
