//! The blocks that settle together, and when they are due.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{audit::log::Log, hash::BlockHash, work::Sats};

/// The groups of a log, by epoch.
pub(super) struct Groups(BTreeMap<u64, Group>);

/// The blocks of one epoch.
#[derive(Default)]
struct Group {
    /// Leaf index of the entry that decided the last of them, the epoch's close included; `None` while one is open.
    decided: Option<u64>,
    matured: Vec<(BlockHash, Sats)>,
}

/// A group that is to be settled.
pub(super) struct Due {
    pub(super) epoch: u64,
    /// Its matured blocks with their rewards, in order of hash.
    pub(super) matured: Vec<(BlockHash, Sats)>,
    /// Leaf index of the entry that made it due: that decided the last block of it or of an earlier group.
    pub(super) index: u64,
}

impl Groups {
    pub(super) fn of(log: &Log) -> Self {
        let mut fates = BTreeMap::new();
        for (index, hash, matured) in &log.fates {
            fates.entry(*hash).or_insert((*index, *matured));
        }
        let mut groups = BTreeMap::<u64, Group>::new();
        for (_, block) in &log.blocks {
            let close = usize::try_from(block.epoch).ok().and_then(|epoch| log.epochs.get(epoch.checked_sub(1)?));
            let closed = close.and_then(|epoch| epoch.close.as_ref()).map(|(index, _)| *index);
            let new = Group { decided: closed, ..Group::default() };
            let group = groups.entry(block.epoch).or_insert(new);
            let fate = fates.get(&block.hash);
            group.decided = group.decided.zip(fate).map(|(decided, (index, _))| decided.max(*index));
            if fate.is_some_and(|(_, matured)| *matured) {
                group.matured.push((block.hash, block.reward_sats));
            }
        }
        groups.values_mut().for_each(|group| group.matured.sort());
        Self(groups)
    }

    /// The next group from an epoch on that has a matured block, if it and all before it are decided by the entries
    /// before leaf `before`.
    pub(super) fn due(&self, from_epoch: u64, before: u64) -> Option<Due> {
        let mut index = 0;
        for (epoch, group) in self.0.range(from_epoch..) {
            index = group.decided.filter(|decided| *decided < before)?.max(index);
            if !group.matured.is_empty() {
                return Some(Due { epoch: *epoch, matured: group.matured.clone(), index });
            }
        }
        None
    }
}
