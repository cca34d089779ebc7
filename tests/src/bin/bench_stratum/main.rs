//! Shares through the Stratum port of a real `provenhash serve`, and what this machine charges for the bare minimum.
//!
//! The server has one processor, the load the others. At the lowest level practically every hash is a share, so rigs need not
//! mine; the node's blocks are full, so every share has a branch of 12 levels. Baselines in the same run: a server that sends
//! lines back, hashing one share, writing one prepared buffer to every socket.

mod cores;
mod crew;
mod files;
mod fleet;
mod floor;
mod idle;
mod kill;
mod pool;
mod rig;
mod shares;
mod table;
mod tips;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tests::measure::report;

/// Shares over Stratum.
#[derive(Parser)]
struct Args {
    /// Numbers of sessions that submit, several with commas
    #[arg(long, default_value = "100,1000,5000", value_delimiter = ',')]
    sessions: Vec<u32>,
    /// Numbers of sessions that hear of new tips
    #[arg(long, default_value = "1000,5000,17500", value_delimiter = ',')]
    tips: Vec<u32>,
    /// Idle sessions whose memory is measured, or as many as files may be open
    #[arg(long, default_value_t = 20_000)]
    idle: u32,
    /// How long each load is measured
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Be a baseline
    #[arg(long, hide = true)]
    role: Option<Role>,
    #[arg(long, hide = true, default_value_t = 0)]
    connections: u32,
    #[arg(long, hide = true, default_value_t = 0)]
    bytes: usize,
}

#[derive(Clone, ValueEnum)]
enum Role {
    Echo,
    Spray,
    Rigs,
    Sockets,
    Hash,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match args.role {
        Some(Role::Echo) => floor::echo().await,
        Some(Role::Spray) => floor::spray(args.connections, args.bytes),
        Some(Role::Rigs) => tips::rigs(args.connections).await,
        Some(Role::Sockets) => tips::sockets(args.connections, args.bytes),
        Some(Role::Hash) => floor::hash(),
        None => measure(&args).await,
    }
}

async fn measure(args: &Args) -> anyhow::Result<()> {
    cores::keep_one_free()?;
    let (mut shares, mut tips) = (Vec::new(), Vec::new());
    for sessions in &args.sessions {
        shares.push(shares::Shares::measure(*sessions, args.seconds).await?);
    }
    for sessions in &args.tips {
        tips.push(tips::Tips::measure(*sessions)?);
    }
    let idle = idle::Idle::measure(args.idle).await?;
    let killed = kill::Killed::measure(1_000).await?;
    let rows = table::rows(&shares, &tips, &idle, &killed);
    let summary = table::summary(&shares, &tips, &idle, &killed);
    report("stratum", &rows, &summary, args.json.as_deref())
}
