//! The verifier on logs in memory: honest ones hold, and each cheat makes exactly the check fail that answers for it.

mod chain;
mod cheats;
mod depths;
mod liabilities;
mod log_files;
mod threats;
mod vectors;
mod witness;
