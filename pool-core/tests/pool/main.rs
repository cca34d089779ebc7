//! The pool as a whole, over real sockets, on an embedded chain.

#![expect(clippy::unwrap_used, reason = "a test that has nothing to go on with has failed")]

mod abuse;
mod blocks;
mod client;
mod duplicates;
mod epochs;
mod fake_node;
mod handshake;
mod handshakes;
mod hostile;
mod lots;
mod mining_rig;
mod node_down;
mod profiles;
mod protocol;
mod rejects;
mod resume;
mod several_nodes;
mod strict;
mod test_pool;
mod tls;
