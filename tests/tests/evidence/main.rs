//! The verifier on logs in memory: honest ones hold, and each cheat makes exactly the check fail that answers for it.

mod chain;
mod cheats;
mod depths;
mod liabilities;
mod life;
mod log_files;
mod schemes;
mod schemes_page;
mod threats;
mod vectors;
mod witness;
