-- A customer. E-mail addresses are stored lower-cased, so UNIQUE means one account per address.
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    -- Argon2id in PHC format.
    password_hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0)
);

-- A signed-in browser or program. The token itself is never stored: token_hash is its SHA-256.
CREATE TABLE login_sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    expires_ms BIGINT NOT NULL CHECK (expires_ms > created_ms)
);

CREATE INDEX login_sessions_by_expiry ON login_sessions (expires_ms);
