//! Looks for payouts' transactions in the blocks of the node's best chain.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use audit_core::hash::{BlockHash, Hash32, sha256d};
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use pool_core::node::Node;

use crate::db::payouts::Mined;

/// How far below the height at which a payout was planned it is looked for: a reorganisation may put it there. None of the
/// last ten years was deeper than a handful of blocks.
const BELOW: u32 = 24;

/// The blocks that were looked through since something is being looked for.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    seen: BTreeMap<u32, BlockHash>,
}

impl Scan {
    /// Looks through the blocks that are new on the best chain, from `planned_height` on at first, and gives each of
    /// `sought` that is in one with its payout. Stops early at a block that the node does not have any more.
    pub(crate) async fn look(
        &mut self,
        node: &dyn Node,
        planned_height: u32,
        sought: &HashMap<BlockHash, u64>,
    ) -> Result<Vec<(u64, Mined)>> {
        let mut found = Vec::new();
        while let Some((height, hash)) = self.next(node, planned_height.saturating_sub(BELOW)).await? {
            let Some(block) = node.raw_block(&hash).await? else { break };
            let txids = tokio::task::spawn_blocking(move || txids_of(&block)).await?;
            let txids = txids.with_context(|| format!("block {hash} of the node"))?;
            for (index, txid) in txids.iter().enumerate().skip(1) {
                if let Some(payout) = sought.get(txid) {
                    let (block, index, branch) = (hash, u32::try_from(index)?, branch(&txids, index));
                    found.push((*payout, Mined { txid: *txid, block, height, index, branch }));
                }
            }
            self.seen.insert(height, hash);
        }
        Ok(found)
    }

    /// The lowest block of the best chain that was not looked through; forgets those that left it.
    async fn next(&mut self, node: &dyn Node, start: u32) -> Result<Option<(u32, BlockHash)>> {
        while let Some((height, seen)) = self.seen.last_key_value() {
            if node.block_hash_at(*height).await? == Some(*seen) {
                break;
            }
            self.seen.pop_last();
        }
        let height = self.seen.last_key_value().map_or(start, |(height, _)| height + 1);
        Ok(node.block_hash_at(height).await?.map(|hash| (height, hash)))
    }
}

fn txids_of(block: &[u8]) -> Result<Vec<BlockHash>> {
    let block: bitcoin::Block = encode::deserialize(block)?;
    Ok(block.txdata.iter().map(|transaction| BlockHash(transaction.compute_txid().to_byte_array())).collect())
}

/// The siblings on the way from one transaction to the block's merkle root.
pub(crate) fn branch(txids: &[BlockHash], mut index: usize) -> Vec<Hash32> {
    let mut level: Vec<[u8; 32]> = txids.iter().map(|txid| txid.0).collect();
    let mut branch = Vec::new();
    while level.len() > 1 {
        let last = level.len() - 1;
        branch.push(Hash32(level[(index ^ 1).min(last)]));
        let parent = |pair: &[[u8; 32]]| sha256d(&[pair[0], pair[pair.len() - 1]].concat());
        level = level.chunks(2).map(parent).collect();
        index /= 2;
    }
    branch
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::transaction::merkle_root;

    #[test]
    fn every_branch_leads_to_the_blocks_merkle_root() {
        for count in 2..20u8 {
            let txids: Vec<BlockHash> = (0..count).map(|number| BlockHash([number; 32])).collect();
            let hashes = txids.iter().map(|txid| bitcoin::hash_types::TxMerkleNode::from_byte_array(txid.0));
            let root = bitcoin::merkle_tree::calculate_root(hashes).unwrap().to_byte_array();
            for index in 0..txids.len() {
                let branch = branch(&txids, index);
                let folded = merkle_root(&txids[index], u32::try_from(index).unwrap(), &branch);
                assert_eq!(folded, Some(root), "{index} of {count}");
            }
        }
    }
}
