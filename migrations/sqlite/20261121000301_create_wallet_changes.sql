-- What each wallet has learnt of its coins, as change sets of bdk_wallet in JSON; a wallet is the sum of its changes.
-- Append-only. Trusted: whoever can change a row can hide or invent payments until the wallet is scanned again.
CREATE TABLE wallet_changes (
    wallet TEXT NOT NULL,
    -- Which look at the chain: the descriptors' checksums and the height from which blocks were read.
    scan TEXT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    change TEXT NOT NULL,
    PRIMARY KEY (wallet, scan, sequence)
);
