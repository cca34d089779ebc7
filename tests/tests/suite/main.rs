//! The integration tests: what the whole system promises, shown on the programs people run.
//!
//! `cargo xtask test` sets up what they need (PostgreSQL, Bitcoin Core, built programs) and runs them.

mod audit_runs;
mod bitcoind;
mod chain;
mod dependencies;
mod flips;
mod forgeries;
mod hostile;
mod independent;
mod kill;
mod money;
mod operation;
mod payments;
mod payouts;
mod receipt;
mod soak;
mod sources;
mod threats;
mod tidy;
mod watch;
mod witnesses;
