-- How a reserved contract is to be paid. One for each contract that was bought while payments were taken automatically.
CREATE TABLE invoices (
    contract_id TEXT NOT NULL PRIMARY KEY REFERENCES contracts (id),
    gateway TEXT NOT NULL,
    price_sats BIGINT NOT NULL CHECK (price_sats > 0),
    -- Blocks that must confirm a payment before it counts.
    confirmations BIGINT NOT NULL CHECK (confirmations > 0),
    state TEXT NOT NULL,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    -- Until when the units are kept without a payment.
    expires_ms BIGINT NOT NULL CHECK (expires_ms > created_ms),
    -- Where to pay; null until the gateway has said so. An address is of one invoice for ever.
    address TEXT UNIQUE,
    -- On chain: whose address, and its number.
    descriptor TEXT,
    address_index BIGINT CHECK (address_index >= 0),
    -- Elsewhere: the gateway's own id and page.
    gateway_invoice TEXT,
    checkout_url TEXT,
    UNIQUE (descriptor, address_index),
    UNIQUE (gateway, gateway_invoice)
);
CREATE INDEX invoices_by_state ON invoices (state, created_ms);

-- What came in for an invoice. Rows are updated as the chain moves and never deleted.
CREATE TABLE invoice_payments (
    -- txid:vout on chain, else the gateway's own id.
    payment TEXT NOT NULL PRIMARY KEY,
    contract_id TEXT NOT NULL REFERENCES invoices (contract_id),
    paid_sats BIGINT NOT NULL CHECK (paid_sats > 0),
    first_seen_ms BIGINT NOT NULL CHECK (first_seen_ms >= 0),
    position TEXT NOT NULL CHECK (position IN ('waiting', 'confirmed', 'final', 'replaced', 'dropped')),
    confirmations BIGINT NOT NULL CHECK (confirmations >= 0),
    -- What the ledger took it for: the price of the contract, or the customer's credit. Never taken back.
    booked TEXT CHECK (booked IN ('price', 'credit'))
);
CREATE INDEX invoice_payments_by_contract ON invoice_payments (contract_id);

-- What happened to an invoice, in order; rows are only added.
CREATE TABLE invoice_events (
    contract_id TEXT NOT NULL REFERENCES invoices (contract_id),
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    at_ms BIGINT NOT NULL CHECK (at_ms >= 0),
    kind TEXT NOT NULL,
    payment TEXT,
    amount_sats BIGINT,
    PRIMARY KEY (contract_id, sequence)
);
