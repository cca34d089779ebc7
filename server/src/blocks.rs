//! The fate of found blocks: matured or orphaned, as the archived chain shows it to everyone.

use std::time::Duration;

use anyhow::Result;
use audit_core::entry::{BlockFate, Entry};
use tokio_util::sync::CancellationToken;

use crate::accruals::Accruer;
use crate::chain::Archive;
use crate::clock::now_ms;
use crate::db::blocks::{BlockRow, BlockStatus};
use crate::db::{Database, blocks, ledger};
use crate::engine::{Backoff, pause};
use crate::lives::Lives;
use crate::rewards;
use crate::settlement::Settler;
use crate::tlog::Sequencer;

#[cfg(test)]
pub(crate) mod tests;

/// Blocks on top before a coinbase can be spent (Bitcoin Core, COINBASE_MATURITY). The same depth decides that a block is
/// orphaned: by then no reorganisation brings it back.
const MATURITY: u32 = 100;
/// How often the archive follows the node.
const POLL: Duration = Duration::from_secs(2);

/// The task that keeps the archive of the chain, decides blocks by it, settles what they decide, accrues what is paid by
/// time, and follows contracts' lives.
pub(crate) struct Blocks {
    pub database: Database,
    pub sequencer: Sequencer,
    pub archive: Archive,
    pub settler: Settler,
    pub accruer: Accruer,
    pub lives: Lives,
}

impl Blocks {
    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// A contradiction in what is stored; see `crate::engine`.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        loop {
            backoff.after(self.round().await, &stop).await?;
            if !pause(POLL, &stop).await {
                return Ok(());
            }
        }
    }

    /// Decides what can be decided, then settles what is ready. Settling comes along each time, not only after a decision,
    /// since a crash may lie between the two.
    pub(crate) async fn round(&self) -> Result<()> {
        self.decide().await?;
        self.accruer.accrue_all().await?;
        self.lives.conclude_all().await?;
        self.settler.settle_all().await
    }

    /// Logs the fate of every block that is deep enough, in one transaction. A crash leaves all or none of it. What the
    /// archive does not show yet is not logged.
    async fn decide(&self) -> Result<()> {
        self.archive.follow().await?;
        let Some((height, _)) = self.archive.tip().await else { return Ok(()) };
        let Some(deepest) = height.checked_sub(MATURITY) else { return Ok(()) };
        let mut fates = Vec::new();
        for block in blocks::undecided(self.database.pool(), deepest.into()).await? {
            if let Some(status) = self.fate(&block).await? {
                fates.push((block, status));
            }
        }
        if fates.is_empty() { Ok(()) } else { self.log(&fates).await }
    }

    /// `None` when the chain got shorter while we were asking.
    async fn fate(&self, block: &BlockRow) -> Result<Option<BlockStatus>> {
        let at_height = self.archive.hash_at(u32::try_from(block.height)?).await;
        Ok(at_height.map(|hash| if hash == block.hash { BlockStatus::Matured } else { BlockStatus::Orphaned }))
    }

    async fn log(&self, fates: &[(BlockRow, BlockStatus)]) -> Result<()> {
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let entries: Vec<Entry> = fates.iter().map(entry).collect();
        let first = guard.append(&mut tx, &entries).await?;
        for (index, (block, status)) in (first..).zip(fates) {
            if !blocks::decide(&mut tx, &block.hash, *status, index).await? {
                // Decided by an earlier attempt whose answer was lost: roll back, the next round sees the new state.
                return Ok(());
            }
            if let Some(transaction) = rewards::decided(block, *status, index, now_ms()) {
                ledger::post(&mut tx, &transaction).await?;
            }
        }
        tx.commit().await?;
        guard.integrate().await?;
        for (block, status) in fates {
            tracing::info!(hash = %block.hash, block.height, status = status.as_str(), "block decided");
        }
        Ok(())
    }
}

fn entry((block, status): &(BlockRow, BlockStatus)) -> Entry {
    let fate = BlockFate { hash: block.hash };
    match status {
        BlockStatus::Orphaned => Entry::BlockOrphaned(fate),
        _ => Entry::BlockMatured(fate),
    }
}
