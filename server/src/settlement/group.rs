//! Which blocks settle next. The blocks of one epoch settle together, once all earlier ones are decided. A group whose blocks are all orphaned divides nothing: its
//! epochs join the next one.

use audit_core::hash::BlockHash;
use audit_core::work::Sats;

use crate::db::blocks::{BlockRow, BlockStatus};

/// Epochs that settle together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The epoch whose blocks are divided.
    pub epoch: u64,
    /// Its matured blocks with their rewards, in order of hash.
    pub matured: Vec<(BlockHash, Sats)>,
}

/// The next group, if it is ready. `undivided` are the blocks of all epochs after the last group's, by epoch.
pub(super) fn next_group(undivided: &[BlockRow]) -> Option<Group> {
    for blocks in undivided.chunk_by(|a, b| a.epoch == b.epoch) {
        if blocks.iter().any(|block| block.status == BlockStatus::Found) {
            return None;
        }
        let matured: Vec<&BlockRow> = blocks.iter().filter(|block| block.status == BlockStatus::Matured).collect();
        if let Some(first) = matured.first() {
            let epoch = first.epoch;
            let mut matured: Vec<_> = matured.iter().map(|block| (block.hash, block.reward)).collect();
            matured.sort();
            return Some(Group { epoch, matured });
        }
    }
    None
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
    fn check(blocks: &[(u64, BlockStatus)], expected: Option<(u64, usize)>) {
        let rows: Vec<BlockRow> =
            (1u8..).zip(blocks).map(|(hash, (epoch, status))| block(*epoch, hash, *status)).collect();
        let group = next_group(&rows);
        assert_eq!(group.map(|group| (group.epoch, group.matured.len())), expected);
    }

    #[test]
    fn a_group_is_the_next_epoch_with_a_matured_block() {
        check(&[(7, Matured)], Some((7, 1)));
        check(&[], None);
    }

    #[test]
    fn blocks_of_one_epoch_settle_together_and_orphans_give_nothing() {
        check(&[(2, Matured), (2, Orphaned), (2, Matured)], Some((2, 2)));
        check(&[(2, Matured), (2, Found)], None);
    }

    #[test]
    fn an_undecided_block_holds_up_all_later_groups() {
        check(&[(2, Found), (3, Matured)], None);
        check(&[(2, Matured), (3, Found)], Some((2, 1)));
    }

    #[test]
    fn the_epochs_of_an_orphaned_group_join_the_next() {
        check(&[(2, Orphaned), (5, Matured)], Some((5, 1)));
        check(&[(2, Orphaned), (5, Found)], None);
    }
}
