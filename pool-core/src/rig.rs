//! A CPU rig: a Stratum V1 client that hashes for real.
//!
//! It speaks what any miner speaks, so it also tests the pool; it knows nothing of the pool's insides.

mod client;
mod grind;
mod record;
mod work;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use self::grind::measure;
use self::{client::Client, grind::WorkBoard, record::RecordFile};

/// Shares that wait to be sent; when it is full, hashing waits.
const FOUND: usize = 64;
/// Waits before reconnecting: doubled each time up to the second, back to the first once authorized.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// What a rig needs to know.
#[derive(Debug, Clone)]
pub struct RigConfig {
    /// `stratum+tcp://host:port`.
    pub url: String,
    /// Worker name.
    pub user: String,
    /// Whatever the pool asks for; ours takes anything.
    pub password: String,
    /// Hashing threads.
    pub threads: usize,
    /// A file to which the header hash of every acknowledged share is appended, in display order, a line each.
    pub record: Option<PathBuf>,
}

/// What a rig did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RigReport {
    /// Shares the pool acknowledged.
    pub accepted: u64,
    /// Shares it refused.
    pub rejected: u64,
    /// Headers hashed.
    pub hashes: u64,
}

/// Why a rig can't start.
#[derive(Debug, Error)]
pub enum RigError {
    /// The URL.
    #[error("expected stratum+tcp://host:port, got {0}")]
    Url(String),
    /// The record file.
    #[error("record file: {0}")]
    Record(#[source] io::Error),
    /// A hashing thread.
    #[error("hashing thread: {0}")]
    Thread(#[source] io::Error),
}

/// Mines until `stop`, reconnecting with back-off whenever the connection ends.
///
/// # Errors
/// [`RigError`], before the first connection only.
pub async fn run(config: RigConfig, stop: CancellationToken) -> Result<RigReport, RigError> {
    let invalid = || RigError::Url(config.url.clone());
    let address = config.url.strip_prefix("stratum+tcp://").ok_or_else(invalid)?.trim_end_matches('/').to_owned();
    if !address.contains(':') {
        return Err(invalid());
    }
    let record = config.record.as_deref().map(RecordFile::open).transpose().map_err(RigError::Record)?;
    let (found, shares) = mpsc::channel(FOUND);
    let board = Arc::new(WorkBoard::default());
    let threads = grind::spawn(config.threads.max(1), &board, &found).map_err(RigError::Thread)?;
    let mut client = Client::new(address, config.user, config.password, board.clone(), shares, record);
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep_connected(&mut client) => {}
    }
    board.end();
    let report = client.report();
    // A thread may be waiting for a place in the channel: it ends when the client is gone.
    drop(client);
    let join = move || threads.into_iter().for_each(|thread| drop(thread.join()));
    drop(tokio::task::spawn_blocking(join).await);
    Ok(RigReport { hashes: board.hashes(), ..report })
}

async fn keep_connected(client: &mut Client) {
    let (first, longest) = BACK_OFF;
    let mut wait = first;
    loop {
        let ended = client.connect().await;
        if client.was_authorized() {
            wait = first;
        }
        warn!(reason = %ended, wait_ms = wait.as_millis() as u64, "rig disconnected");
        sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}
