//! The chain's side of the evidence: headers, coinbases and orphaned tips under `chain/`, kept as the node tells them.
//!
//! In scope: following the node's best chain over reorganisations and restarts, and the promise that every block which an
//! entry of the log or a job names can be looked up before that entry is logged. Out of scope: the rules of headers and the
//! files' form (`audit_core::chain`), talking to a node (`pool_core::node`).
//!
//! The files of the last period grow and follow reorganisations; all others are final but for a reorganisation that
//! reaches into them. Headers and coinbases of a period are renamed into place together, coinbases first, so that a
//! reader who finds different numbers of them only has to read again.

mod archived;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use audit_core::chain::{HEADER_LEN, Network, PERIOD, coinbases_path, headers_path, period_of, side_path};
use audit_core::entry::{ChainTip, Entry};
use audit_core::hash::BlockHash;
use audit_core::scheme::{FEE_BLOCKS, fees_ppm};
use audit_core::work::Nbits;
use pool_core::node::{Node, Tip};
use tokio::sync::Mutex;

use self::archived::Archived;
use crate::db::{Database, log_entries};
use crate::evidence::EvidenceStore;

#[cfg(test)]
mod tests;

/// The archive begins this far below the first epoch's tip, so that a reorganisation there has something to stand on.
const BELOW_FIRST_TIP: u32 = 100;
/// How long an entry waits for a block that the node answers not to know, such as after a move to another node. Longer
/// than a restart of the other node takes; its jobs fail the audit if it never comes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The archive. Cheap to clone; one task at a time works on it.
#[derive(Clone)]
pub(crate) struct Archive {
    database: Database,
    store: EvidenceStore,
    node: Arc<dyn Node>,
    network: Network,
    /// Empty until there is an epoch to begin with.
    state: Arc<Mutex<Option<Archived>>>,
}

impl Archive {
    /// The archive in `store`. Nothing is read before it is needed.
    pub(crate) fn new(database: Database, store: EvidenceStore, node: Arc<dyn Node>, network: Network) -> Self {
        Self { database, store, node, network, state: Arc::default() }
    }

    /// Brings the archive to the node's best chain. Does nothing before the first epoch opens.
    ///
    /// # Errors
    /// The node does not answer, or tells a chain that breaks the network's rules; what was archived so far is written.
    pub(crate) async fn follow(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        match self.opened(&mut state, None).await? {
            Some(archived) => self.catch_up(archived).await,
            None => Ok(()),
        }
    }

    /// Follows, and makes sure that these blocks are on the archived chain or in side files: call it before an entry that
    /// names them is logged.
    ///
    /// # Errors
    /// As [`Archive::follow`]; and for [`PATIENCE`], a block that the node does not know.
    pub(crate) async fn cover(&self, blocks: &[ChainTip]) -> Result<()> {
        let Some(lowest) = blocks.iter().map(|block| block.height).min() else { return self.follow().await };
        let mut state = self.state.lock().await;
        let Some(archived) = self.opened(&mut state, Some(lowest)).await? else { return Ok(()) };
        self.catch_up(archived).await?;
        for block in blocks {
            self.cover_one(archived, block).await?;
        }
        Ok(())
    }

    /// The chain's rules.
    pub(crate) fn network(&self) -> Network {
        self.network
    }

    /// Height and hash of the best archived block.
    pub(crate) async fn tip(&self) -> Option<(u32, BlockHash)> {
        self.state.lock().await.as_ref()?.headers.tip()
    }

    /// Hash of the best chain's block at a height, `None` outside of the archive.
    pub(crate) async fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.state.lock().await.as_ref()?.headers.hash_at(height)
    }

    /// The network target of a block on top of this one, at its own time; `None` when it is not on the best chain.
    pub(crate) async fn required_nbits(&self, tip: &ChainTip) -> Option<Nbits> {
        let state = self.state.lock().await;
        let headers = &state.as_ref()?.headers;
        let header = headers.header(tip.height).filter(|_| headers.hash_at(tip.height) == Some(tip.hash))?;
        headers.required_nbits(tip.height.checked_add(1)?, header.ntime)
    }

    /// The fee rate of the last blocks up to an archived height, as verifiers compute it.
    ///
    /// # Errors
    /// Files that are missing or damaged.
    pub(crate) async fn fees_ppm(&self, height: u32) -> Result<u32> {
        let state = self.state.lock().await;
        let start = state.as_ref().context("nothing is archived yet")?.headers.start();
        let first = height.saturating_sub(FEE_BLOCKS - 1).max(start);
        let (store, network) = (self.store.clone(), self.network);
        let rewards = tokio::task::spawn_blocking(move || archived::rewards(&store, first, height)).await??;
        Ok(fees_ppm(network, (first..).zip(rewards)))
    }

    /// What is on disk, once it is known where it begins: at the first epoch's tip, or at `first` when there is none yet.
    async fn opened<'a>(
        &self,
        state: &'a mut Option<Archived>,
        first: Option<u32>,
    ) -> Result<Option<&'a mut Archived>> {
        if state.is_none() {
            let logged = self.first_tip().await?;
            let Some(first) = logged.or(first) else { return Ok(None) };
            let (store, network) = (self.store.clone(), self.network);
            let period = period_of(first.saturating_sub(BELOW_FIRST_TIP));
            *state = Some(tokio::task::spawn_blocking(move || Archived::load(&store, network, period)).await??);
        }
        Ok(state.as_mut())
    }

    async fn first_tip(&self) -> Result<Option<u32>> {
        let mut connection = self.database.pool().acquire().await?;
        let Some(row) = log_entries::first_of_kind(&mut connection, "epoch_open").await? else { return Ok(None) };
        match Entry::from_bytes(&row.entry)? {
            Entry::EpochOpen(open) => Ok(Some(open.chain.height)),
            _ => bail!("log entry {} is no epoch_open", row.leaf_index),
        }
    }

    async fn catch_up(&self, archived: &mut Archived) -> Result<()> {
        // What an earlier round could not write.
        self.write(archived).await?;
        let tip = self.node.tip().await.context("the chain is archived from the node")?;
        if archived.headers.hash_at(tip.height) == Some(tip.hash) {
            // The same tip, or a node that lags behind what another one told.
            return Ok(());
        }
        self.leave_behind(archived, &tip).await?;
        let grown = self.grow(archived, tip.height).await;
        self.write(archived).await?;
        grown
    }

    /// Takes away what is not on the node's best chain any more. Side files come first: nothing that the log names is ever
    /// missing.
    async fn leave_behind(&self, archived: &mut Archived, tip: &Tip) -> Result<()> {
        let (start, end) = (archived.headers.start(), archived.headers.next_height());
        let mut common = end.min(tip.height.saturating_add(1));
        while common > start && self.node.block_hash_at(common - 1).await? != archived.headers.hash_at(common - 1) {
            common -= 1;
        }
        ensure!(
            common > start || end == start,
            "the node has none of the blocks archived from height {start} on: is it on another chain than this log?"
        );
        if common == end {
            return Ok(());
        }
        tracing::warn!(from_height = common, blocks = end - common, "reorganisation: keeping what was left behind");
        let mut side = Vec::new();
        for height in common..end {
            if side.len() == HEADER_LEN * PERIOD as usize {
                side.clear();
            }
            side.extend(archived.headers.bytes(height).context("an archived header")?);
            let hash = archived.headers.hash_at(height).context("an archived header")?;
            self.put_side(&hash, side.clone()).await?;
        }
        let store = self.store.clone();
        let files = tokio::task::spawn_blocking(move || store.read(&coinbases_path(period_of(common)))).await??;
        archived.cut(common, &files.unwrap_or_default())
    }

    /// Adds the node's blocks up to a height; stops early when its chain changes meanwhile, which the next round sees.
    async fn grow(&self, archived: &mut Archived, to: u32) -> Result<()> {
        for height in archived.headers.next_height()..=to {
            let Some(hash) = self.node.block_hash_at(height).await? else { return Ok(()) };
            let Some(block) = self.node.block(&hash).await? else { return Ok(()) };
            if archived.headers.tip().is_some_and(|(_, tip)| tip != block.header.prevhash) {
                return Ok(());
            }
            archived.push(&block).with_context(|| format!("block {hash} at height {height} of the node"))?;
            if (height + 1).is_multiple_of(PERIOD) {
                tracing::info!(height, "chain archived");
                self.write(archived).await?;
            }
        }
        Ok(())
    }

    /// Writes the growing period, and empties later ones that a reorganisation took away.
    async fn write(&self, archived: &mut Archived) -> Result<()> {
        let Some(changes) = archived.unwritten() else { return Ok(()) };
        let store = self.store.clone();
        let written = tokio::task::spawn_blocking(move || {
            for (period, headers, coinbases) in &changes {
                store.replace_all(&[(&coinbases_path(*period), coinbases), (&headers_path(*period), headers)])?;
            }
            anyhow::Ok(())
        });
        written.await??;
        archived.written();
        Ok(())
    }

    /// A block off the best chain gets a side file: what the node knows of it down to the best chain or to another side
    /// file.
    async fn cover_one(&self, archived: &mut Archived, block: &ChainTip) -> Result<()> {
        let (mut headers, mut hash, mut height) = (Vec::new(), block.hash, block.height);
        while archived.headers.hash_at(height) != Some(hash) && !self.has_side(&hash) {
            let Some(header) = self.node.header(&hash).await? else { return archived.unknown(&hash, PATIENCE) };
            ensure!(
                headers.len() < PERIOD as usize && height > archived.headers.start(),
                "block {} at height {} is not on the archived chain, nor is any block below it",
                block.hash,
                block.height
            );
            headers.push(header);
            (hash, height) = (header.prevhash, height - 1);
        }
        if headers.is_empty() {
            return Ok(());
        }
        self.put_side(&block.hash, headers.iter().rev().flat_map(|header| header.to_bytes()).collect()).await
    }

    fn has_side(&self, hash: &BlockHash) -> bool {
        self.store.exists(&side_path(hash))
    }

    /// A side file stays as it was first written: where it began, its parent was on the best chain, and has a side file
    /// of its own should it have left it.
    async fn put_side(&self, hash: &BlockHash, headers: Vec<u8>) -> Result<()> {
        if self.has_side(hash) {
            return Ok(());
        }
        let (store, path) = (self.store.clone(), side_path(hash));
        Ok(tokio::task::spawn_blocking(move || store.put(&path, &headers)).await??)
    }
}
