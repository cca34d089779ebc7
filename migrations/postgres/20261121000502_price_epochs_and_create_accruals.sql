-- What the price of an epoch depends on: height and network target of a block on top of its tip, and the fee rate that
-- was logged last before it. Null for epochs that opened before there were prices.
ALTER TABLE epochs ADD COLUMN price_height BIGINT;
ALTER TABLE epochs ADD COLUMN price_nbits TEXT;
ALTER TABLE epochs ADD COLUMN price_fees_ppm BIGINT;

-- What contracts that are paid by time were credited. Trusted: whoever deletes the last row makes the server accrue its
-- period again, which the log's readers see as a second accrual of one number.
CREATE TABLE accruals (
    accrual BIGINT NOT NULL PRIMARY KEY,
    entry_index BIGINT NOT NULL,
    from_epoch BIGINT NOT NULL,
    to_epoch BIGINT NOT NULL,
    gross_sats BIGINT NOT NULL,
    fee_sats BIGINT NOT NULL,
    maintenance_sats BIGINT NOT NULL
);
CREATE TABLE accrual_credits (
    contract_id BYTEA NOT NULL,
    accrual BIGINT NOT NULL REFERENCES accruals (accrual),
    credit_sats BIGINT NOT NULL,
    PRIMARY KEY (contract_id, accrual)
);
