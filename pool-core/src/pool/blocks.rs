//! Found blocks: saved, then offered to every node until their fate is decided.
//!
//! Commit points: 1. the share is in the journal; 2. the journal is synced, so no chain carries a block that the evidence
//! lacks; 3. the block is in `<height>-<hash>.block`; 4. offered to every node; 5. renamed to `.accepted` or `.rejected`.
//! A crash behind 3 is made good at the next start.

mod fates;
mod offer;
mod queue;
mod saved;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info};

pub(crate) use self::fates::Fates;
use self::{offer::Offers, saved::SavedBlock};
use super::{
    PoolEvent,
    floor::{Floor, Found},
};
use crate::{block::assemble, durable, node::Nodes};

/// How long nodes are still offered blocks after the stop signal: a block that waits for the next start may be stale then.
const FAREWELL: Duration = Duration::from_secs(2);

/// Saves what is found and offers it, with what waits since an earlier run, to every node. Ends after rigs are `served`.
///
/// # Errors
/// The folder of blocks can't be read.
pub(super) fn spawn(
    tasks: &TaskTracker,
    nodes: &Nodes,
    found: mpsc::UnboundedReceiver<Found>,
    floor: &Arc<Floor>,
    served: &CancellationToken,
) -> io::Result<Arc<Fates>> {
    let fates = Arc::new(Fates::new(nodes.all().len()));
    let mut desk = Desk { fates: fates.clone(), queues: Vec::new() };
    for (index, node) in nodes.all().iter().enumerate() {
        let (queue, saved) = mpsc::unbounded_channel();
        desk.queues.push(queue);
        let offers = Offers::new(node.clone(), index, fates.clone()).run(saved);
        tasks.spawn(until_farewell(served.clone(), offers));
    }
    saved::waiting(&floor.config.blocks_dir)?.into_iter().for_each(|block| desk.offer(block));
    tasks.spawn(save_all(found, desk, floor.clone(), served.clone()));
    tasks.spawn(alarm(fates.clone(), served.clone()));
    Ok(fates)
}

async fn alarm(fates: Arc<Fates>, served: CancellationToken) {
    tokio::select! {
        () = served.cancelled() => {}
        () = fates.alarm() => {}
    }
}

async fn until_farewell(served: CancellationToken, offers: impl Future<Output = ()>) {
    let farewell = async {
        served.cancelled().await;
        sleep(FAREWELL).await;
    };
    tokio::select! {
        () = offers => {}
        () = farewell => {}
    }
}

/// Where saved blocks are handed to every node's queue.
struct Desk {
    fates: Arc<Fates>,
    queues: Vec<mpsc::UnboundedSender<Arc<SavedBlock>>>,
}

impl Desk {
    fn offer(&self, block: SavedBlock) {
        let block = Arc::new(block);
        self.fates.wait_for(block.clone());
        for queue in &self.queues {
            // The pool stops: what is left is offered at the next start.
            let _ = queue.send(block.clone());
        }
    }
}

/// Saves until rigs are `served` and nothing is left. No node, however slow, holds up the saving.
async fn save_all(mut found: mpsc::UnboundedReceiver<Found>, desk: Desk, floor: Arc<Floor>, served: CancellationToken) {
    loop {
        let block = match served.run_until_cancelled(found.recv()).await {
            Some(block) => block,
            None => found.try_recv().ok(),
        };
        let Some(block) = block else { return };
        save(block, &desk, &floor).await;
        floor.block_handled();
    }
}

/// Commit points 2 and 3. A block that can't be saved is not submitted either, and its share stays evidence.
async fn save(found: Found, desk: &Desk, floor: &Floor) {
    let epoch = found.epoch.start.epoch;
    let block = SavedBlock::new(&floor.config.blocks_dir, found.job.row.height, found.hash());
    match write(block.path(), found).await {
        Ok(()) => {
            info!(epoch, %block, "block found");
            floor.tell(PoolEvent::BlockFound { epoch, hash: block.hash, height: block.height });
            desk.offer(block);
        }
        Err(error) => error!(epoch, %block, %error, "block not submitted: it can't be saved"),
    }
}

/// Syncs the share, then puts megabytes together and syncs them: not on a thread that others wait for.
async fn write(path: PathBuf, found: Found) -> io::Result<()> {
    let write = move || {
        found.epoch.sync().map_err(io::Error::other)?;
        durable::replace(&path, &assemble(&found.header, &found.coinbase, &found.job.template))
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other).flatten()
}
