//! block.all, from the shares: whatever meets the network target is reported, and nothing else.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::ToString,
};

use super::{CheckId, Depth, Place, log::Log, report::Findings};
use crate::{entry::BlockFound, epoch::epoch_path, hash::BlockHash};

/// The reported blocks, to be held against the shares epoch by epoch.
pub(super) struct Blocks<'a> {
    log: &'a Log,
    depth: Depth,
    /// By epoch and hash, with the leaf index.
    reported: BTreeMap<(u64, BlockHash), (u64, BlockFound)>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(log: &'a Log, depth: Depth) -> Self {
        let key = |(index, block): &(u64, BlockFound)| ((block.epoch, block.hash), (*index, *block));
        Self { log, depth, reported: log.blocks.iter().map(key).collect() }
    }

    /// A sealed epoch's blocks, `None` where its jobs or shares failed: then they can be neither proven nor missed.
    pub(super) fn check(&self, epoch: u64, proven: Option<&[BlockFound]>, findings: &mut Findings) {
        let Some(proven) = proven else { return };
        for block in proven {
            match self.reported.get(&(epoch, block.hash)) {
                None => {
                    let file = epoch_path(epoch, "shares");
                    findings.fail(CheckId::BlockAll, Place::new(file, None, told(block), "no block_found"));
                }
                Some((index, found)) if found != block => {
                    let place = Place::new(self.log.file_of(*index), Some(*index), told(block), told(found));
                    findings.fail(CheckId::BlockAll, place);
                }
                Some(_) => {}
            }
        }
        // Of the chunks that were not drawn nothing is known.
        if matches!(self.depth, Depth::Sampled { .. }) {
            return;
        }
        let hashes: BTreeSet<BlockHash> = proven.iter().map(|block| block.hash).collect();
        let range = (epoch, BlockHash::default())..(epoch + 1, BlockHash::default());
        for (index, block) in self.reported.range(range).map(|(_, reported)| reported) {
            if !hashes.contains(&block.hash) {
                self.invented(*index, block, findings);
            }
        }
    }

    /// What the log alone tells: no block is found twice, and each is decided at most once, after it was found.
    pub(super) fn finish(&self, findings: &mut Findings) {
        let mut found = BTreeMap::new();
        for (index, block) in &self.log.blocks {
            if found.insert(block.hash, *index).is_some() {
                self.invented(*index, block, findings);
            }
        }
        let mut decided = BTreeSet::new();
        for (index, hash, _) in &self.log.fates {
            let found_before = found.get(hash).is_some_and(|found| found < index);
            if !found_before || !decided.insert(*hash) {
                let expected = "a found block, decided once";
                let place = Place::new(self.log.file_of(*index), Some(*index), expected, hash.to_string());
                findings.fail(CheckId::BlockAll, place);
            }
        }
        let searched = match self.depth {
            Depth::Sampled { .. } => "; others were looked for in the drawn chunks only",
            Depth::Exact | Depth::Estimate => "",
        };
        findings.note(CheckId::BlockAll, format!("{} blocks{searched}", self.log.blocks.len()));
    }

    fn invented(&self, index: u64, block: &BlockFound, findings: &mut Findings) {
        let expected = "a share that met the network target, reported once";
        findings.fail(CheckId::BlockAll, Place::new(self.log.file_of(index), Some(index), expected, told(block)));
    }
}

fn told(block: &BlockFound) -> alloc::string::String {
    format!("block {} of epoch {} at height {} with {} sats", block.hash, block.epoch, block.height, block.reward_sats)
}
