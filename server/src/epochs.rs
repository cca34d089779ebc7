//! The loop of epochs: open, mine, open the next, close and seal the one before.
//!
//! Each step looks at what the database says and does the next thing, so going on after a crash, after an error, and
//! going on as usual are the same code. Log order: open(e) < open(e+1) < [block_found…] close(e) < open(e+2).
//!
//! Out of scope: what sealing writes (`crate::sealing`), the pool (`pool-core`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use audit_core::allocation::Allocation;
use audit_core::entry::{ChainTip, Entry, EpochOpen};
use audit_core::epoch::EpochMaterial;
use audit_core::work::Units;
use pool_core::node::Node;
use pool_core::{EpochStart, PoolEvent};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::accruals::price;
use crate::chain::Archive;
use crate::clock::now_ms;
use crate::db::epochs::EpochRow;
use crate::db::{Database, contracts, epochs, log_entries};
use crate::engine::Backoff;
use crate::evidence::EvidenceStore;
use crate::hashprice;
use crate::sealing;
use crate::tlog::Sequencer;

mod allocation;
mod mining;
#[cfg(test)]
mod tests;

/// What the loop asks of the pool.
#[async_trait]
pub(crate) trait Mining: Send + Sync {
    /// Mines this epoch from now on; the one before stays valid for the grace. The same epoch again is a no-op, or after
    /// a restart goes on where the journal ends.
    async fn open_epoch(&self, start: EpochStart) -> Result<()>;

    /// Ends an epoch for good and yields what its journal says. Repeating it gives the same. An epoch that was never
    /// opened, because a crash came before, has no shares.
    async fn close_epoch(&self, start: &EpochStart) -> Result<EpochMaterial>;

    /// Waits until every task of the pool has ended.
    async fn join(self: Box<Self>);
}

/// How fast epochs follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Intended length of an epoch.
    pub epoch: Duration,
    /// How long jobs of the epoch before stay valid.
    pub grace: Duration,
}

/// The loop and what it works with.
pub(crate) struct EpochLoop {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
    pub node: Arc<dyn Node>,
    pub archive: Archive,
    pub mining: Box<dyn Mining>,
    /// Declared capacity.
    pub capacity: Units,
    pub pace: Pace,
    /// The manifest's network as the node names its chain.
    pub chain: &'static str,
    /// The epoch that the pool of this process was given last.
    pub mined: Option<u64>,
}

/// The pool can't keep shares any more; only a restart helps, after the disk was repaired.
#[derive(Debug, Error)]
#[error("the journal of epoch {epoch} can't be written: {error}. Check the disk of the data folder, then start again")]
pub(crate) struct JournalFailed {
    epoch: u64,
    error: String,
}

/// What the loop waits for besides time.
pub(crate) struct Signals {
    events: mpsc::Receiver<PoolEvent>,
    stop: CancellationToken,
    /// The epoch whose job numbers are used up.
    full: Option<u64>,
}

impl EpochLoop {
    /// Runs until `stop` is cancelled. What is open then stays open; the next start goes on with it.
    ///
    /// # Errors
    /// A contradiction in what is stored; see `crate::engine`.
    pub(crate) async fn run(mut self, events: mpsc::Receiver<PoolEvent>, stop: CancellationToken) -> Result<()> {
        let mut signals = Signals::new(events, stop.clone());
        let mut backoff = Backoff::default();
        let mut ended = Ok(());
        while ended.is_ok() && !stop.is_cancelled() {
            let step = self.step(&mut signals).await;
            ended = backoff.after(step, &stop).await;
        }
        stop.cancel();
        // A pool that still has events to tell must not wait for a reader that is gone.
        drop(signals);
        self.mining.join().await;
        ended
    }

    /// Does the next thing, waiting for its time first.
    pub(crate) async fn step(&mut self, signals: &mut Signals) -> Result<()> {
        match epochs::unclosed(self.database.pool()).await?.as_slice() {
            [] => self.open_next().await,
            [current] => {
                if self.is_promised_otherwise(current).await? {
                    return self.open_next().await;
                }
                self.mine(current).await?;
                if signals.epoch_over(current, self.pace.epoch).await? { self.open_next().await } else { Ok(()) }
            }
            [old, current] => {
                self.mine(current).await?;
                if signals.grace_over(current, self.pace.grace).await? { self.close(old).await } else { Ok(()) }
            }
            more => bail!("{} epochs are open at once, which the log's order forbids", more.len()),
        }
    }

    /// Opens the next epoch. Commit points: 1. the tip is in the archive, and the allocation file is written (a crash leaves files that no entry names, harmless);
    /// 2. `epoch_open` committed (the next start integrates it and mines it); 3. checkpoint of exactly this size signed and
    ///    published. The pool hears of the epoch only after all three, in [`EpochLoop::mine`].
    pub(crate) async fn open_next(&mut self) -> Result<()> {
        let chain = self.node.chain().await?;
        ensure!(
            chain == self.chain,
            "the node is on chain {chain}, the log is of {}: check --node and --network",
            self.chain
        );
        let tip = self.node.tip().await.context("an epoch opens with the chain's tip")?;
        let tip = ChainTip { height: tip.height, hash: tip.hash };
        self.archive.cover(&[tip]).await?;
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let (epoch, start_ms) = match epochs::last(&mut tx).await? {
            // The clock may stand still or jump back; epochs may not.
            Some(last) => (last.epoch + 1, now_ms().max(last.start_ms + 1)),
            None => (1, now_ms()),
        };
        let (price, fees) = price::of_next_epoch(&mut tx, &self.archive, &tip, start_ms).await?;
        let hashprice = hashprice::due(&mut tx, &self.archive, &tip, start_ms).await?;
        let in_force = contracts::in_force(&mut tx, start_ms).await?;
        let allocation = allocation::build(&in_force, self.capacity, self.sequencer.origin())?;
        self.put_allocation(&allocation).await?;
        let entry = EpochOpen { epoch, start_ms, chain: tip, allocation: allocation.commitment() };
        for input in fees.into_iter().chain(hashprice) {
            guard.append(&mut tx, &[Entry::ExternalInput(input)]).await?;
        }
        let open_index = guard.append(&mut tx, &[Entry::EpochOpen(entry)]).await?;
        let row = EpochRow {
            epoch,
            start_ms,
            open_index,
            allocation_root: allocation.root(),
            capacity: allocation.total(),
            close: None,
        };
        epochs::insert(&mut tx, &row).await?;
        epochs::set_price(&mut tx, epoch, &price).await?;
        tx.commit().await?;
        guard.integrate().await?;
        tracing::info!(epoch, contracts = in_force.len(), capacity_hs = %row.capacity, "epoch opened");
        Ok(())
    }

    /// Gives the epoch to the pool, once in this process.
    pub(crate) async fn mine(&mut self, current: &EpochRow) -> Result<()> {
        if self.mined == Some(current.epoch) {
            return Ok(());
        }
        let start = self.anchor_of(current).await?;
        self.mining.open_epoch(start).await?;
        self.mined = Some(current.epoch);
        Ok(())
    }

    /// Ends an epoch: journal → archive of the blocks that its jobs were built on → files → entries. Every part may be
    /// repeated after a crash and gives the same bytes. While the node stays away the epoch stays open: nothing is lost,
    /// and without a node no other epoch could open.
    pub(crate) async fn close(&self, old: &EpochRow) -> Result<()> {
        let start = self.anchor_of(old).await?;
        let material = self.mining.close_epoch(&start).await?;
        if (material.epoch, material.tree_size, material.root) != (start.epoch, start.tree_size, start.root) {
            bail!(
                "the journal of epoch {} belongs to another log: is the data folder mixed from two servers?",
                old.epoch
            );
        }
        self.archive.cover(&built_on(&material)).await?;
        let store = self.store.clone();
        let sealed = tokio::task::spawn_blocking(move || sealing::write_files(&store, &material)).await??;
        sealing::log(&self.database, &self.sequencer, &self.store, old, &sealed).await?;
        tracing::info!(epoch = old.epoch, shares = sealed.count, work = %sealed.work, blocks = sealed.blocks.len(), "epoch sealed");
        Ok(())
    }

    /// What the epoch's anchors commit to: the checkpoint of exactly the size after its `epoch_open`.
    async fn anchor_of(&self, row: &EpochRow) -> Result<EpochStart> {
        let tree_size = row.open_index + 1;
        if self.sequencer.root_at(tree_size).await?.is_none() {
            self.sequencer.lock().await.integrate().await?;
        }
        let root = self.sequencer.root_at(tree_size).await?;
        let root = root.with_context(|| format!("no checkpoint of size {tree_size} for epoch {}", row.epoch))?;
        let origin = self.sequencer.origin().to_owned();
        Ok(EpochStart { epoch: row.epoch, start_ms: row.start_ms, origin, tree_size, root })
    }

    /// Whether the manifest changed after the epoch opened: then this program pays and tags otherwise than the epoch's
    /// manifest says, and must not issue jobs for it.
    async fn is_promised_otherwise(&self, current: &EpochRow) -> Result<bool> {
        let newest = log_entries::last_of_kind(&mut *self.database.pool().acquire().await?, "manifest").await?;
        Ok(newest.is_some_and(|manifest| manifest.leaf_index > current.open_index))
    }

    async fn put_allocation(&self, allocation: &Allocation) -> Result<()> {
        let (path, bytes, store) = (Allocation::path(&allocation.root()), allocation.to_bytes(), self.store.clone());
        Ok(tokio::task::spawn_blocking(move || store.put(&path, &bytes)).await??)
    }
}

/// The blocks that an epoch's jobs were built on.
fn built_on(material: &EpochMaterial) -> Vec<ChainTip> {
    let tips = material.jobs.iter().map(|job| (job.prevhash, job.height.saturating_sub(1)));
    let tips: BTreeMap<_, _> = tips.collect();
    tips.into_iter().map(|(hash, height)| ChainTip { height, hash }).collect()
}

impl Signals {
    pub(crate) fn new(events: mpsc::Receiver<PoolEvent>, stop: CancellationToken) -> Self {
        Self { events, stop, full: None }
    }

    /// Waits for the end of an epoch: its time, or its last job number. `false` when the engine is to stop.
    async fn epoch_over(&mut self, current: &EpochRow, length: Duration) -> Result<bool, JournalFailed> {
        self.wait(current, length, true).await
    }

    /// Waits until jobs of the epoch before `current` are stale. `false` when the engine is to stop.
    async fn grace_over(&mut self, current: &EpochRow, grace: Duration) -> Result<bool, JournalFailed> {
        self.wait(current, grace, false).await
    }

    async fn wait(&mut self, current: &EpochRow, after_start: Duration, or_full: bool) -> Result<bool, JournalFailed> {
        let passed = Duration::from_millis(now_ms().saturating_sub(current.start_ms));
        let sleep = tokio::time::sleep(after_start.saturating_sub(passed));
        tokio::pin!(sleep);
        loop {
            if or_full && self.full == Some(current.epoch) {
                return Ok(true);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(false),
                () = &mut sleep => return Ok(true),
                Some(event) = self.events.recv() => self.take(event)?,
            }
        }
    }

    fn take(&mut self, event: PoolEvent) -> Result<(), JournalFailed> {
        match event {
            PoolEvent::EpochFull { epoch } => self.full = Some(epoch),
            // The pool has reported it; the log hears of it when the epoch is sealed.
            PoolEvent::BlockFound { .. } => {}
            PoolEvent::NodeDown { error } => tracing::warn!(error, "the node gives no templates"),
            PoolEvent::NodeUp => tracing::info!("the node gives templates again"),
            PoolEvent::JournalFailed { epoch, error } => return Err(JournalFailed { epoch, error }),
        }
        Ok(())
    }
}
