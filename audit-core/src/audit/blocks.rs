//! block.all, from the shares: whatever meets the network target is reported, and nothing else.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::ToString,
};

use super::{CheckId, Place, epoch::Epochs, log::Log, report::Findings};
use crate::{
    entry::{BlockFound, Entry},
    epoch::epoch_path,
    hash::BlockHash,
};

pub(super) fn check(log: &Log, epochs: &Epochs<'_>, findings: &mut Findings) {
    let reported: BTreeMap<BlockHash, (u64, BlockFound)> =
        log.blocks.iter().map(|(index, block)| (block.hash, (*index, *block))).collect();
    let mut proven = BTreeSet::new();
    for sealed in &epochs.sealed {
        let Some(blocks) = &sealed.blocks else {
            // The shares failed: their blocks can be neither proven nor missed.
            proven.extend(
                log.blocks.iter().filter(|(_, block)| block.epoch == sealed.epoch).map(|(_, block)| block.hash),
            );
            continue;
        };
        for block in blocks {
            proven.insert(block.hash);
            match reported.get(&block.hash) {
                None => {
                    let file = epoch_path(sealed.epoch, "shares");
                    findings.fail(CheckId::BlockAll, Place::new(file, None, told(block), "no block_found"));
                }
                Some((index, found)) if found != block => {
                    let place = Place::new(log.file_of(*index), Some(*index), told(block), told(found));
                    findings.fail(CheckId::BlockAll, place);
                }
                Some(_) => {}
            }
        }
    }
    invented(log, epochs, &proven, findings);
    fates(log, &reported, findings);
    findings.note(CheckId::BlockAll, format!("{} blocks", log.blocks.len()));
}

/// A reported block of a closed epoch must be one of its shares, once.
fn invented(log: &Log, epochs: &Epochs<'_>, proven: &BTreeSet<BlockHash>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (index, block) in &log.blocks {
        let closed = block.epoch <= epochs.sealed.len() as u64;
        if (closed && !proven.contains(&block.hash)) || !seen.insert(block.hash) {
            let place =
                Place::new(log.file_of(*index), Some(*index), "a share that met the network target", told(block));
            findings.fail(CheckId::BlockAll, place);
        }
    }
}

/// Each block matures or is orphaned at most once, after it was found.
fn fates(log: &Log, reported: &BTreeMap<BlockHash, (u64, BlockFound)>, findings: &mut Findings) {
    let mut decided = BTreeSet::new();
    for (index, entry) in log.entries.iter().enumerate() {
        let (Entry::BlockMatured(fate) | Entry::BlockOrphaned(fate)) = entry else { continue };
        let index = index as u64;
        let found_before = reported.get(&fate.hash).is_some_and(|(found, _)| *found < index);
        if !found_before || !decided.insert(fate.hash) {
            let place =
                Place::new(log.file_of(index), Some(index), "a found block, decided once", fate.hash.to_string());
            findings.fail(CheckId::BlockAll, place);
        }
    }
}

fn told(block: &BlockFound) -> alloc::string::String {
    format!("block {} of epoch {} at height {} with {} sats", block.hash, block.epoch, block.height, block.reward_sats)
}
