//! Which payouts are in blocks of the best chain.

use alloc::{collections::BTreeSet, format};

use super::{ChainSide, CheckId, Debts, Findings, Place};
use crate::{
    hash::{BlockHash, Hash32},
    payout::PayoutFile,
    work::Sats,
};

/// A payout that says which block it is in.
pub(super) struct InBlock {
    txid: BlockHash,
    block: BlockHash,
    /// Where its branch leads to.
    merkle_root: [u8; 32],
    /// What it pays the contract that was asked for.
    mine: Sats,
}

impl InBlock {
    /// `None` when the file names no block.
    pub(super) fn of(file: &PayoutFile, mine: Option<&Hash32>) -> Option<Self> {
        let mine = mine.and_then(|id| file.of(id)).map(|row| row.sats).unwrap_or_default();
        Some(Self { txid: file.txid, block: file.block?, merkle_root: file.merkle_root()?, mine })
    }
}

impl Debts<'_> {
    /// payout.mine: a payout whose block is on the best chain must be in it. Others are not confirmed.
    pub(super) fn confirm(&mut self, chain: &ChainSide<'_>, findings: &mut Findings) {
        let blocks: BTreeSet<BlockHash> = self.in_blocks.iter().map(|payout| payout.block).collect();
        let roots = chain.merkle_roots(&blocks);
        for payout in &self.in_blocks {
            let Some(root) = roots.get(&payout.block) else { continue };
            if *root != payout.merkle_root {
                let expected = format!("transaction {} in block {}", payout.txid, payout.block);
                let found = format!("a branch to {}", hex::encode(payout.merkle_root));
                let place = Place::new(PayoutFile::path(&payout.txid), None, expected, found);
                findings.fail(CheckId::PayoutMine, place);
            } else if let Some(mine) = &mut self.mine {
                mine.confirmed = mine.confirmed.checked_add(payout.mine).unwrap_or(mine.confirmed);
            }
        }
    }
}
