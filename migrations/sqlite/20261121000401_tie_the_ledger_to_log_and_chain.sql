-- What shows that a transaction happened: the entry of the log that says so, the transaction of the chain, or both. For a
-- block's reward the chain's side is in the entry.
ALTER TABLE ledger_transactions ADD COLUMN log_index BIGINT;
ALTER TABLE ledger_transactions ADD COLUMN txid BLOB;

CREATE INDEX ledger_transactions_by_log_index ON ledger_transactions (log_index);
CREATE INDEX ledger_transactions_by_time ON ledger_transactions (created_ms, id);

-- ALTER TABLE can't add a constraint here.
CREATE TRIGGER ledger_transactions_need_a_voucher BEFORE INSERT ON ledger_transactions
WHEN NEW.log_index IS NULL AND NEW.txid IS NULL
BEGIN SELECT RAISE(ABORT, 'a ledger transaction needs a log entry or a txid'); END;
