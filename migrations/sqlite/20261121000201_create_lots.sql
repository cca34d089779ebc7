-- Whose rigs are served: a login's part up to its first dot, and the hash of the password that it needs. Trusted: whoever
-- can change a row can mine under the lot's name, which the evidence states but does not prove.
CREATE TABLE lots (
    name TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of a secret with 128 bits of entropy.
    secret_hash BLOB NOT NULL,
    created_ms BIGINT NOT NULL CHECK (created_ms >= 0),
    -- From then on nobody can log in.
    closed_ms BIGINT CHECK (closed_ms >= created_ms)
);
