//! Provenhash's server: the web service, the transparency log, settlement and money.
//!
//! In scope: the HTTP API and pages (`api`, `assets`), customers, offers, contracts and the ledger (`db`), the log and
//! its evidence files, the loop of epochs, settlement, liabilities.
//!
//! Out of scope: the rules of the evidence (`audit-core`), mining and nodes (`pool-core`), the verifier's faces
//! (`verifier-wasm`, `auditor`).
//!
//! SQL lives in [`db`] only, the process environment is read in [`config`] only.

mod accruals;
pub mod api;
pub mod app;
pub mod assets;
mod blocks;
pub mod books;
mod chain;
pub mod clock;
pub mod commands;
pub mod config;
pub mod db;
pub mod engine;
mod epochs;
pub mod evidence;
pub mod hashprice;
mod inputs;
mod liabilities;
mod lives;
pub mod payments;
pub mod payouts;
pub mod problem;
pub mod proofs;
mod refunds;
mod rewards;
mod sealing;
mod settlement;
pub mod statements;
pub mod tlog;
pub mod wallet;
