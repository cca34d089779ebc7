//! Found blocks: saved, then offered to every node until their fate is decided.
//!
//! Commit points: 1. the share is in the journal; 2. the journal is synced, so no chain carries a block that the evidence
//! lacks; 3. the block is in `<height>-<hash>.block`; 4. offered to every node; 5. renamed to `.accepted` or `.rejected`.
//! A crash behind 3 is made good at the next start, and so is one between 1 and 3: the job's transactions are on disk
//! ([`crate::template_file`]), from which `lost` rebuilds the block.

mod fates;
mod lost;
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
use crate::{
    block::{BlockBody, assemble},
    durable,
    node::Nodes,
    template_file,
};

/// How long nodes are still offered blocks after the stop signal: a block that waits for the next start may be stale then.
const FAREWELL: Duration = Duration::from_secs(2);
/// Wait before a block that could not be saved is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Saves what is found and offers it, with what waits since an earlier run, to every node. Ends after rigs are `served`.
///
/// # Errors
/// The pool's folders can't be read.
pub(super) fn spawn(
    tasks: &TaskTracker,
    nodes: &Nodes,
    found: mpsc::UnboundedReceiver<Found>,
    floor: &Arc<Floor>,
    served: &CancellationToken,
) -> io::Result<Arc<Fates>> {
    let fates = Arc::new(Fates::new(nodes.all().len()));
    let mut desk = Desk { fates: fates.clone(), queues: Vec::new(), floor: floor.clone() };
    for (index, node) in nodes.all().iter().enumerate() {
        let (queue, saved) = mpsc::unbounded_channel();
        desk.queues.push(queue);
        let offers = Offers::new(node.clone(), index, fates.clone()).run(saved);
        tasks.spawn(until_farewell(served.clone(), offers));
    }
    saved::waiting(&floor.config.blocks_dir)?.into_iter().for_each(|block| desk.offer(block));
    for (epoch, templates) in template_file::list(&floor.config.journal_dir)? {
        let desk = desk.clone();
        tasks.spawn_blocking(move || desk.offer_lost(epoch, &templates));
    }
    tasks.spawn(save_all(found, desk, served.clone()));
    tasks.spawn(alarm(fates.clone(), served.clone()));
    Ok(fates)
}

async fn alarm(fates: Arc<Fates>, served: CancellationToken) {
    tokio::select! {
        () = served.cancelled() => {}
        () = fates.alarm() => {}
    }
}

/// Runs `work` to its end, or until rigs have been served for a while.
pub(super) async fn until_farewell(served: CancellationToken, work: impl Future<Output = ()>) {
    let farewell = async {
        served.cancelled().await;
        sleep(FAREWELL).await;
    };
    tokio::select! {
        () = work => {}
        () = farewell => {}
    }
}

/// Where saved blocks are handed to every node's queue.
#[derive(Clone)]
struct Desk {
    fates: Arc<Fates>,
    queues: Vec<mpsc::UnboundedSender<Arc<SavedBlock>>>,
    floor: Arc<Floor>,
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

    fn offer_new(&self, epoch: u64, block: SavedBlock) {
        info!(epoch, %block, "block found");
        self.floor.tell(PoolEvent::BlockFound { epoch, hash: block.hash, height: block.height });
        self.offer(block);
    }

    /// Rebuilds what a crash kept from being saved.
    fn offer_lost(&self, epoch: u64, templates: &[PathBuf]) {
        match lost::recover(&self.floor.config, epoch, templates) {
            Ok(blocks) => blocks.into_iter().for_each(|block| self.offer_new(epoch, block)),
            Err(error) => error!(epoch, %error, "whether blocks were lost is not known: tried again at the next start"),
        }
    }
}

/// Saves until rigs are `served` and nothing is left. No node, however slow, holds up the saving.
async fn save_all(mut found: mpsc::UnboundedReceiver<Found>, desk: Desk, served: CancellationToken) {
    loop {
        let block = match served.run_until_cancelled(found.recv()).await {
            Some(block) => block,
            None => found.try_recv().ok(),
        };
        let Some(block) = block else { return };
        save(Arc::new(block), &desk, &served).await;
    }
}

/// Commit points 2 and 3. A block that can't be saved is tried again; at the end of the pool it is left to the next start.
async fn save(found: Arc<Found>, desk: &Desk, served: &CancellationToken) {
    let epoch = found.epoch.start.epoch;
    let block = SavedBlock::new(&desk.floor.config.blocks_dir, found.job.row.height, found.hash());
    while let Err(error) = write(block.path(), found.clone()).await {
        error!(epoch, %block, %error, "block not submitted: it can't be saved");
        if served.run_until_cancelled(sleep(RETRY)).await.is_none() {
            return;
        }
    }
    desk.floor.saved(&found);
    desk.offer_new(epoch, block);
}

/// Syncs the share, then puts megabytes together and syncs them: not on a thread that others wait for.
async fn write(path: PathBuf, found: Arc<Found>) -> io::Result<()> {
    let write = move || {
        found.epoch.sync().map_err(io::Error::other)?;
        let body = BlockBody::of(&found.job.template);
        durable::replace(&path, &assemble(&found.header, &found.coinbase, &body))
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other).flatten()
}
