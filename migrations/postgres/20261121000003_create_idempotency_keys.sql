-- The answer a mutation gave under a client's key, written in the same transaction as its effect.
CREATE TABLE idempotency_keys (
    -- account:<id> or operator
    principal TEXT NOT NULL,
    -- method and path
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    -- SHA-256 of the request
    fingerprint BYTEA NOT NULL,
    -- Null only inside the transaction that is at work.
    status BIGINT,
    body BYTEA,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    PRIMARY KEY (principal, route, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_ms);
