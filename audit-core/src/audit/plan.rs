//! Which tasks an audit consists of, by its depth: the log and the request alone decide that, so that a later audit of
//! the same epochs has the same tasks.

use alloc::{vec, vec::Vec};

use ruint::aliases::{U256, U512};

use super::{
    Chunks, CountTask, Depth,
    count::TASK_CHUNKS,
    log::{Log, LogEpoch},
};
use crate::{
    entry::{EpochClose, HexBytes},
    epoch::CHUNK_RECORDS,
    hash::Hash32,
    work::Work,
};

/// The tasks of all sealed epochs, in order.
pub(super) struct Plan<'a> {
    log: &'a Log,
    depth: Depth,
    /// Places in the claimed work of the whole range, ascending, that are still to be assigned to their epochs.
    draws: vec::IntoIter<u128>,
    /// Claimed work of the epochs before the next one.
    work_before: u128,
    /// Position of the next epoch.
    position: usize,
    /// Tasks of the last epoch that was planned, the next one last.
    waiting: Vec<CountTask>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(log: &'a Log, depth: Depth) -> Self {
        let draws = match depth {
            Depth::Sampled { samples, seed } => draws(samples, &seed, claimed_work(log)),
            Depth::Exact | Depth::Estimate => Vec::new(),
        };
        let draws = draws.into_iter();
        Self { log, depth, draws, work_before: 0, position: 0, waiting: Vec::new() }
    }

    fn chunks(&mut self, close: &EpochClose) -> Vec<Chunks> {
        let before = self.work_before;
        self.work_before = before.saturating_add(close.shares.work.get());
        match self.depth {
            Depth::Exact => {
                let count = close.shares.count.div_ceil(CHUNK_RECORDS as u64);
                let step = usize::try_from(TASK_CHUNKS).unwrap_or(usize::MAX);
                (0..count.max(1)).step_by(step).map(Chunks::From).collect()
            }
            Depth::Estimate => Vec::from([Chunks::Best(0)]),
            Depth::Sampled { .. } => {
                let until = self.work_before;
                let here = self.draws.as_slice().partition_point(|place| *place < until);
                let places: Vec<Work> = self.draws.by_ref().take(here).map(|place| Work::new(place - before)).collect();
                let step = usize::try_from(TASK_CHUNKS).unwrap_or(usize::MAX);
                places.chunks(step).map(|places| Chunks::Drawn(places.into())).collect()
            }
        }
    }
}

impl Iterator for Plan<'_> {
    type Item = CountTask;

    fn next(&mut self) -> Option<CountTask> {
        loop {
            if let Some(task) = self.waiting.pop() {
                return Some(task);
            }
            let log = self.log;
            let epoch = log.epochs.get(self.position)?;
            self.position += 1;
            if let Some((_, close)) = &epoch.close {
                let chunks = self.chunks(close);
                self.waiting = chunks.into_iter().rev().filter_map(|chunks| task(log, epoch, chunks)).collect();
            }
        }
    }
}

/// The task that recomputes these chunks of an epoch; `None` for an epoch that is not sealed.
pub(super) fn task(log: &Log, epoch: &LogEpoch, chunks: Chunks) -> Option<CountTask> {
    let (_, close) = epoch.close.as_ref()?;
    let manifest = log.manifest_before(epoch.open_index)?;
    Some(CountTask {
        origin: log.checkpoint.origin.clone(),
        tree_size: epoch.open_index + 1,
        root: epoch.root,
        end_ms: log.end_ms(epoch).unwrap_or(epoch.open.start_ms),
        payout_scripts: manifest.payout_scripts.clone(),
        coinbase_tag: HexBytes(manifest.coinbase_tag.clone()),
        open: epoch.open,
        close: close.clone(),
        chunks,
    })
}

/// The claimed work of all sealed epochs.
fn claimed_work(log: &Log) -> u128 {
    let closes = log.epochs.iter().filter_map(|epoch| epoch.close.as_ref());
    closes.fold(0, |sum, (_, close)| sum.saturating_add(close.shares.work.get()))
}

/// Places in `work`, ascending: draw j is ⌊SHA-256(seed ‖ j) · work / 2²⁵⁶⌋.
fn draws(samples: u32, seed: &Hash32, work: u128) -> Vec<u128> {
    if work == 0 {
        return Vec::new();
    }
    let draw = |number: u32| {
        let hash = Hash32::of(&[&seed.0[..], &number.to_be_bytes()].concat());
        let scaled = U512::from(U256::from_be_bytes(hash.0)) * U512::from(work);
        (scaled >> 256usize).to::<u128>()
    };
    let mut places: Vec<u128> = (0..samples).map(draw).collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_ascending_below_the_work_and_depend_on_the_seed() {
        let work = 1_000_003;
        let places = draws(10_000, &Hash32([1; 32]), work);
        assert!(places.is_sorted() && places.iter().all(|place| *place < work));
        let upper = places.iter().filter(|place| **place >= work / 2).count();
        assert!((4_800..5_200).contains(&upper), "{upper} of 10,000 in the upper half");
        assert_ne!(places, draws(10_000, &Hash32([2; 32]), work));
        assert_eq!(draws(3, &Hash32([1; 32]), 0), []);
    }
}
