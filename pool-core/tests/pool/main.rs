//! The pool as a whole, over real sockets, on an embedded chain.

mod blocks;
mod client;
mod epochs;
mod handshake;
mod hostile;
mod mining_rig;
mod rejects;
mod test_pool;
