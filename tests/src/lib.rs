//! The harness of the integration tests: real processes, real databases, a real Bitcoin node.
//!
//! In scope: starting, killing and asking `provenhash`, its rigs, `provenhash-audit` and `bitcoind`, reading and forging
//! evidence. Out of scope: what is asserted, which lives in `tests/suite`; pages and browsers, in `browser/` and `wasm/`.
//!
//! Every process listens on 127.0.0.1 on a port of its own and works in a temporary folder of its own.

pub mod api;
pub mod auditor;
pub mod bitcoind;
pub mod bundle;
pub mod database;
pub mod evidence;
pub mod figure;
pub mod forge;
pub mod independent;
pub mod measure;
pub mod operator;
pub mod payout_key;
pub mod play;
pub mod poll;
pub mod programs;
pub mod random;
pub mod rig;
pub mod scripted_node;
pub mod server;
pub mod signal;
pub mod stratum;
pub mod verify;
pub mod wallet;
pub mod witness;
