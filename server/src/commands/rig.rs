//! `provenhash rig`: mines with this machine's CPU.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use pool_core::rig::{self, RigConfig};
use tokio_util::sync::CancellationToken;

/// Where to mine, and as whom.
#[derive(Args, Debug)]
pub(super) struct RigArgs {
    /// The pool, as stratum+tcp://host:port
    #[arg(long)]
    url: String,
    /// Worker name
    #[arg(long)]
    user: String,
    #[arg(long, default_value = "x")]
    password: String,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Append the header hash of every acknowledged share to this file, a line each
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Mines until SIGINT or SIGTERM.
pub(super) fn run(args: RigArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let config = RigConfig {
            url: args.url,
            user: args.user,
            password: args.password,
            threads: args.threads.into(),
            record: args.record,
        };
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let signalled = async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            stop.cancel();
            std::future::pending().await
        };
        tokio::select! {
            result = rig::run(config, stop.clone()) => result.context("mining")?,
            never = signalled => never,
        };
        Ok(ExitCode::SUCCESS)
    })
}
