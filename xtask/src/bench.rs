//! `cargo xtask bench`: measurements, each beside a baseline from the same run.
//!
//! The measuring is done by programs of the `tests` package; this builds them in release and starts them.

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::{demo, paths, process};

pub(crate) mod engines;

/// What to measure.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    subject: Subject,
    /// Also write the figures to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Subject {
    /// Verification: hashing shares natively, in WASM in Node and in Chromium, and in plain JavaScript; auditing an epoch
    Verify,
    /// A day of 86,400 shares, verified exactly in Chromium: seconds and bytes
    Day,
    /// Sealing a large epoch: time, memory, bytes; and growing the log at 10⁴, 10⁶ and 10⁹ entries
    Seal,
    /// Shares through the Stratum port of a real server: rate, latency and server CPU, beside a line-echo server
    Stratum,
}

/// Builds in release and runs one measurement.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    demo::build_release()?;
    let json = args.json.as_ref();
    match args.subject {
        Subject::Verify => {
            measure("bench_verify", None)?;
            engines::hashing(json)
        }
        Subject::Day => engines::day(json),
        Subject::Seal => measure("bench_seal", json),
        Subject::Stratum => measure("bench_stratum", json),
    }
}

/// Runs a measuring program that is built.
pub(crate) fn measure(program: &str, json: Option<&PathBuf>) -> anyhow::Result<()> {
    let mut bench = Command::new(paths::target().join("release").join(program));
    if let Some(file) = json {
        bench.arg("--json").arg(file);
    }
    process::run(&mut bench)
}
