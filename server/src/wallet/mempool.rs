//! What of the node's mempool a wallet has looked at.

use std::collections::HashSet;

use audit_core::hash::BlockHash;
use bdk_wallet::Wallet;
use bdk_wallet::bitcoin::Transaction;
use bdk_wallet::bitcoin::consensus::deserialize;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pool_core::node::{Node, NodeError};

/// Transactions fetched in one round, so that blocks are looked for in between while a full mempool is read.
const PER_ROUND: usize = 2_000;
/// Questions that the node answers at the same time: half of Bitcoin Core's default `-rpcworkqueue`.
const AT_ONCE: usize = 8;

/// Which waiting transactions were looked at, and the time of the last look.
#[derive(Debug)]
pub(super) struct SeenMempool {
    seen: HashSet<BlockHash>,
    last_stamp: u64,
}

/// One look at the mempool.
pub(super) struct Look {
    /// All that wait.
    pub(super) waiting: HashSet<BlockHash>,
    /// Of those that were not looked at before, up to [`PER_ROUND`].
    pub(super) fresh: Vec<(BlockHash, Option<Transaction>)>,
    /// Whether there are more.
    pub(super) is_partial: bool,
}

impl SeenMempool {
    /// Nothing was looked at yet, except before the wallet was opened: its times go on from there.
    pub(super) fn after(wallet: &Wallet) -> Self {
        let graph = wallet.tx_graph();
        let stamps = graph.full_txs().flat_map(|known| [known.last_seen, graph.get_last_evicted(known.txid)]);
        Self { seen: HashSet::new(), last_stamp: stamps.flatten().max().unwrap_or(0) }
    }

    /// What was looked at already.
    pub(super) fn seen(&self) -> HashSet<BlockHash> {
        self.seen.clone()
    }

    /// Notes a look.
    pub(super) fn note(&mut self, look: &Look) {
        self.seen.retain(|txid| look.waiting.contains(txid));
        self.seen.extend(look.fresh.iter().map(|(txid, _)| *txid));
    }

    /// A time in seconds later than every one before, also before a restart: to bdk a transaction that was dropped in the
    /// second in which it was last seen is dropped, and of two that spend the same the one seen last is there.
    pub(super) fn next_stamp(&mut self, now_s: u64) -> u64 {
        self.last_stamp = now_s.max(self.last_stamp + 1);
        self.last_stamp
    }
}

/// Looks at what waits now. A transaction that can't be read is no payment to us.
pub(super) async fn look(node: &dyn Node, seen: &HashSet<BlockHash>) -> Result<Look, NodeError> {
    let waiting: HashSet<BlockHash> = node.mempool().await?.into_iter().collect();
    let unseen: Vec<BlockHash> = waiting.difference(seen).copied().collect();
    let is_partial = unseen.len() > PER_ROUND;
    let fetch = |txid: BlockHash| async move {
        let raw = node.mempool_transaction(&txid).await?;
        Ok::<_, NodeError>((txid, raw.and_then(|raw| deserialize(&raw).ok())))
    };
    let fresh = stream::iter(unseen.into_iter().take(PER_ROUND).map(fetch)).buffer_unordered(AT_ONCE);
    Ok(Look { waiting, fresh: fresh.try_collect().await?, is_partial })
}
