//! Learning from the node: blocks in order from where the wallet and the node agree, then the mempool.

use audit_core::hash::BlockHash;
use bdk_wallet::bitcoin::hashes::Hash as _;
use bdk_wallet::bitcoin::{Block, Txid, consensus::deserialize};
use bdk_wallet::chain::BlockId;
use bdk_wallet::chain::local_chain::ApplyHeaderError;

use super::{Wallet, WalletError, WalletEvent, mempool};
use crate::clock::now_ms;

/// Blocks that are stored as one change: a scan from far back repeats at most so many after a crash.
const BATCH: usize = 50;
/// How often a chain that moves is read again before the caller has to try later.
const ATTEMPTS: u32 = 5;

/// Blocks that follow what the wallet knows, and where they connect.
struct Batch {
    connected_to: BlockId,
    blocks: Vec<(u32, Block)>,
    is_last: bool,
}

/// See [`Wallet::sync`].
pub(super) async fn sync(wallet: &Wallet) -> Result<Vec<WalletEvent>, WalletError> {
    let mut events = Vec::new();
    let mut attempts = 0;
    loop {
        match round(wallet, &mut events).await {
            Ok(true) => return Ok(events),
            Ok(false) => {}
            Err(WalletError::Moved) if attempts < ATTEMPTS => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Blocks until there are no more, then a look at the mempool. `false` when there is more to read.
async fn round(wallet: &Wallet, events: &mut Vec<WalletEvent>) -> Result<bool, WalletError> {
    loop {
        let batch = next_batch(wallet).await?;
        let is_last = batch.is_last;
        events.extend(apply(wallet, batch).await?);
        if is_last {
            break;
        }
    }
    let seen = wallet.0.state.lock().await.mempool.seen();
    let look = mempool::look(&*wallet.0.node, &seen).await?;
    // A transaction that has left the mempool for a block that was not read yet has not been dropped.
    if wallet.0.node.tip().await?.hash != wallet.tip().await.1 {
        return is_shorter(wallet).await;
    }
    let is_whole = !look.is_partial;
    events.extend(apply_mempool(wallet, look).await?);
    Ok(is_whole)
}

/// Whether the node has only taken blocks away. The wallet keeps them until others take their place: confirmations count
/// only while [`Wallet::tip`] is the node's.
async fn is_shorter(wallet: &Wallet) -> Result<bool, WalletError> {
    let tip = wallet.0.node.tip().await?;
    let known = wallet.read(|wallet| wallet.latest_checkpoint().get(tip.height).map(|block| block.hash())).await;
    Ok(known.is_some_and(|hash| hash.to_byte_array() == tip.hash.0))
}

async fn next_batch(wallet: &Wallet) -> Result<Batch, WalletError> {
    let node = &*wallet.0.node;
    let tip = node.tip().await?;
    let connected_to = agreement(wallet).await?;
    let first = (connected_to.height + 1).max(wallet.0.birthday.min(tip.height));
    let mut blocks: Vec<(u32, Block)> = Vec::new();
    for height in first..=tip.height {
        if blocks.len() == BATCH {
            return Ok(Batch { connected_to, blocks, is_last: false });
        }
        let hash = node.block_hash_at(height).await?.ok_or(WalletError::Moved)?;
        let block = read_block(wallet, &hash).await?;
        let follows = blocks.last().is_none_or(|(_, last)| last.block_hash() == block.header.prev_blockhash);
        if !follows || block.block_hash().to_byte_array() != hash.0 {
            return Err(WalletError::Moved);
        }
        blocks.push((height, block));
    }
    Ok(Batch { connected_to, blocks, is_last: true })
}

/// The newest block that the wallet and the node's best chain have in common.
async fn agreement(wallet: &Wallet) -> Result<BlockId, WalletError> {
    let known = wallet.read(bdk_wallet::Wallet::latest_checkpoint).await;
    for block in known.iter() {
        let there = wallet.0.node.block_hash_at(block.height()).await?;
        if there.is_some_and(|there| there.0 == block.hash().to_byte_array()) {
            return Ok(block.block_id());
        }
    }
    Err(WalletError::Malformed("chain that this wallet has seen"))
}

async fn read_block(wallet: &Wallet, hash: &BlockHash) -> Result<Block, WalletError> {
    let raw = wallet.0.node.raw_block(hash).await?.ok_or(WalletError::Moved)?;
    // Megabytes are taken apart: not on a thread that requests wait for.
    let parsed = tokio::task::spawn_blocking(move || deserialize(&raw)).await;
    parsed.ok().and_then(Result::ok).ok_or(WalletError::Malformed("block"))
}

async fn apply(wallet: &Wallet, batch: Batch) -> Result<Vec<WalletEvent>, WalletError> {
    if batch.blocks.is_empty() {
        return Ok(Vec::new());
    }
    let mut state = wallet.0.state.lock().await;
    let events = state.wallet.events_helper(|wallet| {
        let mut below = batch.connected_to;
        for (height, block) in &batch.blocks {
            wallet.apply_block_connected_to(block, *height, below)?;
            below = BlockId { height: *height, hash: block.block_hash() };
        }
        Ok::<_, ApplyHeaderError>(())
    });
    let events = events.map_err(|_| WalletError::Moved)?;
    wallet.store(&mut state).await?;
    Ok(events)
}

/// Takes in what is new, drops what has left.
async fn apply_mempool(wallet: &Wallet, mut look: mempool::Look) -> Result<Vec<WalletEvent>, WalletError> {
    let mut state = wallet.0.state.lock().await;
    state.mempool.note(&look);
    let now_s = now_ms() / 1_000;
    let (dropped_at, seen_at) = (state.mempool.next_stamp(now_s), state.mempool.next_stamp(now_s));
    let left = state.wallet.transactions().filter(|found| found.chain_position.is_unconfirmed());
    let left: Vec<Txid> = left.map(|found| found.tx_node.txid).filter(|txid| !look.is_waiting(txid)).collect();
    let fresh: Vec<_> = look.fresh.drain(..).filter_map(|(_, transaction)| Some((transaction?, seen_at))).collect();
    let events = state.wallet.events_helper(|wallet| {
        wallet.apply_unconfirmed_txs(fresh);
        wallet.apply_evicted_txs(left.into_iter().map(|txid| (txid, dropped_at)));
        Ok::<_, std::convert::Infallible>(())
    });
    let events = events.unwrap_or_default();
    wallet.store(&mut state).await?;
    Ok(events)
}

impl mempool::Look {
    fn is_waiting(&self, txid: &Txid) -> bool {
        self.waiting.contains(&BlockHash(txid.to_byte_array()))
    }
}
