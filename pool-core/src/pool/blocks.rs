//! Found blocks: saved, then submitted until a node has decided.
//!
//! Commit points: 1. the share is in the journal; 2. the journal is synced, so no chain carries a block that the evidence
//! lacks; 3. the block is in `<height>-<hash>.block`; 4. submitted; 5. renamed to `.accepted` or `.rejected`. A crash
//! behind 3 is made good at the next start; before 3 the share is still evidence, as an orphan.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    PoolEvent,
    floor::{Floor, Found},
};
use crate::{
    block::assemble,
    durable,
    node::{Node, NodeError, Submitted},
};

/// Wait before a block that no node took is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Blocks that were saved but not decided, oldest height first.
pub(super) fn unsubmitted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("block")) {
            paths.push(path);
        }
    }
    paths.sort_by_key(|path| (height_of(path), path.clone()));
    Ok(paths)
}

/// Saves what is found, until `served` is cancelled and nothing is left, and hands it to [`submit_all`]: no node, however
/// slow, holds up the saving.
pub(super) async fn save_all(
    mut found: mpsc::UnboundedReceiver<Found>,
    saved: mpsc::UnboundedSender<PathBuf>,
    floor: Arc<Floor>,
    served: CancellationToken,
) {
    loop {
        let block = match served.run_until_cancelled(found.recv()).await {
            Some(block) => block,
            None => found.try_recv().ok(),
        };
        let Some(block) = block else { return };
        if let Some(path) = save(block, &floor).await {
            // The other task stops when this one does; what it leaves is submitted at the next start.
            let _ = saved.send(path);
        }
        floor.block_handled();
    }
}

/// Submits until `stop`; what is undecided then stays saved.
pub(super) async fn submit_all(
    node: Arc<dyn Node>,
    mut waiting: Vec<PathBuf>,
    mut saved: mpsc::UnboundedReceiver<PathBuf>,
    stop: CancellationToken,
) {
    let forever = async {
        loop {
            waiting = submit_each(&*node, std::mem::take(&mut waiting)).await;
            let retry = !waiting.is_empty();
            tokio::select! {
                Some(path) = saved.recv() => waiting.push(path),
                () = sleep(RETRY), if retry => {}
            }
        }
    };
    stop.run_until_cancelled(forever).await;
}

/// Commit points 2 and 3. `None` when the block can't be saved: it is then neither submitted nor lost as a share.
async fn save(found: Found, floor: &Floor) -> Option<PathBuf> {
    let (epoch, hash, height) = (found.epoch.start.epoch, found.hash(), found.job.row.height);
    let path = floor.config.blocks_dir.join(format!("{height}-{hash}.block"));
    let (live, error_of) = (found.epoch.clone(), |_| io::Error::other("the journal can't be written"));
    let synced = tokio::task::spawn_blocking(move || live.sync().map_err(error_of)).await;
    if let Err(error) = synced.map_err(io::Error::other).flatten() {
        error!(epoch, %hash, %error, "block not submitted: its share is not durable");
        return None;
    }
    let file = path.clone();
    let write = move || durable::replace(&file, &assemble(&found.header, &found.coinbase, &found.job.template));
    match tokio::task::spawn_blocking(write).await.map_err(io::Error::other).flatten() {
        Ok(()) => {
            info!(epoch, %hash, height, "block found");
            floor.tell(PoolEvent::BlockFound { epoch, hash, height });
            Some(path)
        }
        Err(error) => {
            error!(epoch, %hash, %error, "block can't be saved");
            None
        }
    }
}

/// Submits every block once; returns those no node has decided.
async fn submit_each(node: &dyn Node, waiting: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut undecided = Vec::new();
    for path in waiting {
        if let Err(error) = submit(node, &path).await {
            warn!(block = ?path.file_name(), %error, "block not submitted yet");
            undecided.push(path);
        }
    }
    undecided
}

async fn submit(node: &dyn Node, path: &Path) -> Result<(), NodeError> {
    let block = tokio::fs::read(path).await?;
    let decided = match node.submit_block(&block).await? {
        Submitted::Accepted => path.with_extension("accepted"),
        Submitted::Rejected(reason) => {
            warn!(block = ?path.file_name(), reason, "node refused the block");
            path.with_extension("rejected")
        }
    };
    Ok(tokio::fs::rename(path, decided).await?)
}

fn height_of(path: &Path) -> u32 {
    let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    name.split('-').next().and_then(|height| height.parse().ok()).unwrap_or(0)
}
