//! The rules of Provenhash that both sides run: the server when it makes evidence, the verifier when it judges it.
//!
//! In scope: work and targets, headers and coinbases, the chain they stand on, the anchor, share records and their tree,
//! allocation, settlement arithmetic, log entries, checkpoints and proofs, the bundle, and [`audit`](mod@audit), the checks
//! themselves.
//! `docs/LOG.md` describes the same formats in words.
//!
//! Out of scope: mining (`pool-core`), storage, HTTP and money (`server`), fetching evidence (`auditor`,
//! `verifier-wasm`). There is no clock, no I/O, no randomness and no floating point here: `no_std` is the wall.
#![no_std]
#![deny(clippy::float_arithmetic)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod accrual;
pub mod allocation;
pub mod anchor;
pub mod audit;
pub mod bundle;
pub mod chain;
pub mod checkpoint;
pub mod coinbase;
pub mod contract;
pub mod cosignature;
pub mod entry;
pub mod epoch;
#[cfg(test)]
mod fixture;
pub mod fork;
pub mod hash;
pub mod header;
pub mod job;
pub mod json;
pub mod liabilities;
pub mod life;
pub mod merkle;
pub mod payout;
pub mod policy;
pub mod scheme;
pub mod seal;
pub mod settlement;
pub mod share;
pub mod share_proof;
pub mod sum_tree;
mod text;
pub mod tile;
pub mod tile_tree;
pub mod tlog_proof;
pub mod transaction;
pub mod vkey;
pub mod window;
pub mod witness;
pub mod work;
