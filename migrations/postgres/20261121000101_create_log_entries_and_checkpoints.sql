-- The transparency log: entry bytes in sequence. Trusted: whoever can change a row makes the server refuse to start,
-- since the rows no longer give the signed roots.
CREATE TABLE log_entries (
    leaf_index BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    entry BYTEA NOT NULL
);
CREATE INDEX log_entries_by_kind ON log_entries (kind, leaf_index);

-- Signed checkpoints, insert-only: at most one root per size ever. Trusted: whoever deletes rows and holds the log key
-- can sign a second root for a size.
CREATE TABLE checkpoints (
    size BIGINT NOT NULL PRIMARY KEY,
    root BYTEA NOT NULL,
    note TEXT NOT NULL,
    kept BIGINT NOT NULL
);
