//! What sealing a large epoch costs, and what the log costs as it grows.
//!
//! Sealing is measured with the functions that the server seals with, on one thread, beside the hashing it can't do
//! without and beside one whole `rs_merkle` tree. The log is measured with the functions that the server appends with, on
//! a store that makes up the old tiles of a tree of any size and writes the new ones to disk.

mod epoch;
mod log;
mod store;

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;
use tests::measure::report;

/// Sealing an epoch, and growing the log.
#[derive(Parser)]
struct Args {
    /// Shares in the epoch
    #[arg(long, default_value_t = 1_000_000)]
    shares: usize,
    /// Publications measured at each size of the log
    #[arg(long, default_value_t = 512)]
    publications: u64,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let sealing = epoch::measure(args.shares)?;
    let grown = [10_000, 1_000_000, 1_000_000_000].map(|size| log::measure(size, args.publications));
    let grown = grown.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    log::print(&grown);
    let value = |name: &str| sealing.iter().find(|row| row.name == name).map_or(0.0, |row| row.value);
    let summary = json!({
        "seal_seconds": value(epoch::SEAL_SECONDS),
        "seal_memory_mb": value(epoch::SEAL_MEMORY),
        "bytes_per_share": value(epoch::DISK_BYTES),
        "log": grown.iter().map(log::Grown::to_json).collect::<Vec<_>>(),
    });
    report("seal", &sealing, &summary, args.json.as_deref())
}
