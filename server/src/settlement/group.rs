//! Which epochs settle next. The blocks of one epoch settle together, over the epochs after the last settled group up to
//! and including theirs, once all earlier blocks are decided. A group whose blocks are all orphaned divides nothing: its
//! epochs join the next one.

use anyhow::{Context, Result};
use audit_core::hash::BlockHash;
use audit_core::work::Sats;

use crate::db::blocks::{BlockRow, BlockStatus};

/// Epochs that settle together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// First epoch whose work counts.
    pub first_epoch: u64,
    /// The epoch whose blocks are divided.
    pub last_epoch: u64,
    /// Its matured blocks, in order of hash.
    pub matured: Vec<BlockHash>,
    /// Sum of their rewards.
    pub reward: Sats,
}

/// The next group, if it is ready. `undivided` are the blocks of all epochs after `settled_up_to`, by epoch.
pub(super) fn next_group(undivided: &[BlockRow], settled_up_to: u64) -> Result<Option<Group>> {
    for blocks in undivided.chunk_by(|a, b| a.epoch == b.epoch) {
        if blocks.iter().any(|block| block.status == BlockStatus::Found) {
            return Ok(None);
        }
        let matured: Vec<&BlockRow> = blocks.iter().filter(|block| block.status == BlockStatus::Matured).collect();
        if let Some(first) = matured.first() {
            return group(&matured, first.epoch, settled_up_to).map(Some);
        }
    }
    Ok(None)
}

fn group(matured: &[&BlockRow], last_epoch: u64, settled_up_to: u64) -> Result<Group> {
    let reward = matured.iter().try_fold(Sats::ZERO, |sum, block| sum.checked_add(block.reward));
    let mut hashes: Vec<BlockHash> = matured.iter().map(|block| block.hash).collect();
    hashes.sort();
    let reward = reward.context("the rewards of one epoch exceed all bitcoin")?;
    Ok(Group { first_epoch: settled_up_to + 1, last_epoch, matured: hashes, reward })
}

#[cfg(test)]
mod tests {
    use super::BlockStatus::{Found, Matured, Orphaned};
    use super::*;

    fn block(epoch: u64, hash: u8, status: BlockStatus) -> BlockRow {
        let reward = Sats::new(100).unwrap();
        BlockRow { hash: BlockHash([hash; 32]), epoch, height: 1, reward, status, found_index: hash.into() }
    }

    #[track_caller]
    fn check(blocks: &[(u64, BlockStatus)], settled_up_to: u64, expected: Option<(u64, u64, usize)>) {
        let rows: Vec<BlockRow> =
            (1u8..).zip(blocks).map(|(hash, (epoch, status))| block(*epoch, hash, *status)).collect();
        let group = next_group(&rows, settled_up_to).unwrap();
        assert_eq!(group.map(|group| (group.first_epoch, group.last_epoch, group.matured.len())), expected);
    }

    #[test]
    fn a_group_reaches_back_to_the_last_settled_one() {
        check(&[(7, Matured)], 3, Some((4, 7, 1)));
        check(&[(1, Matured)], 0, Some((1, 1, 1)));
        check(&[], 0, None);
    }

    #[test]
    fn blocks_of_one_epoch_settle_together_and_orphans_give_nothing() {
        check(&[(2, Matured), (2, Orphaned), (2, Matured)], 0, Some((1, 2, 2)));
        check(&[(2, Matured), (2, Found)], 0, None);
    }

    #[test]
    fn an_undecided_block_holds_up_all_later_groups() {
        check(&[(2, Found), (3, Matured)], 0, None);
        check(&[(2, Matured), (3, Found)], 0, Some((1, 2, 1)));
    }

    #[test]
    fn the_epochs_of_an_orphaned_group_join_the_next() {
        check(&[(2, Orphaned), (5, Matured)], 0, Some((1, 5, 1)));
        check(&[(2, Orphaned), (5, Found)], 0, None);
    }
}
