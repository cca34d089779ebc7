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
    use crate::{checkpoint::Checkpoint, entry::Entry};
    use std::string::ToString;

    /// A log with one sealed epoch for each number of shares, 4 hashes each.
    fn log(counts: &[u64]) -> Log {
        let open = r#"{"type":"epoch_open","epoch":1,"start_ms":1,"chain":{"height":0,"hash":"ZERO"},"allocation":{"count":1,"total":"1","root":"ZERO"}}"#;
        let close = r#"{"type":"epoch_close","format":1,"epoch":1,"shares":{"count":COUNT,"work":"WORK","root":"ZERO"},"levels":[],"jobs":"ZERO","sessions":"ZERO","chunks":"ZERO","rejects":"ZERO","best_hash":null,"end_ms":null}"#;
        let checkpoint = Checkpoint { origin: "log.test".into(), size: 0, root: Hash32::default() };
        let entry = |json: &str| Entry::from_bytes(json.replace("ZERO", &"0".repeat(64)).as_bytes()).unwrap();
        let epoch = |count: &u64| {
            let close = close.replace("COUNT", &count.to_string()).replace("WORK", &(4 * count).to_string());
            let (Entry::EpochOpen(open), Entry::EpochClose(close)) = (entry(open), entry(&close)) else {
                panic!("an epoch's entries")
            };
            let (root, close_root) = (Hash32::default(), Hash32::default());
            LogEpoch { open, open_index: 1, root, close: Some((2, close)), close_root }
        };
        Log { epochs: counts.iter().map(epoch).collect(), ..Log::new(checkpoint) }
    }

    fn planned(log: &Log, depth: Depth) -> Vec<Chunks> {
        let mut plan = Plan::new(log, depth);
        let closes = log.epochs.iter().filter_map(|epoch| epoch.close.as_ref());
        closes.flat_map(|(_, close)| plan.chunks(close)).collect()
    }

    #[test]
    fn an_epoch_of_more_than_64_chunks_has_several_tasks_and_an_empty_one_has_one() {
        let log = log(&[0, 262_144, 262_145]);
        assert_eq!(planned(&log, Depth::Exact), [Chunks::From(0), Chunks::From(0), Chunks::From(0), Chunks::From(64)]);
        assert_eq!(planned(&log, Depth::Estimate), [Chunks::Best(0), Chunks::Best(0), Chunks::Best(0)]);
    }

    #[test]
    fn draws_fall_into_epochs_in_proportion_to_their_work_at_most_64_to_a_task() {
        let log = log(&[1_000, 0, 3_000]);
        let seed = Hash32([3; 32]);
        let tasks = planned(&log, Depth::Sampled { samples: 400, seed });
        let places = |chunks: &Chunks| match chunks {
            Chunks::Drawn(places) => places.clone(),
            other => panic!("{other:?}"),
        };
        assert!(tasks.iter().all(|chunks| places(chunks).len() <= 64));
        let all: Vec<u128> = tasks.iter().flat_map(places).map(Work::get).collect();
        assert_eq!(all.len(), 400);
        // Places are ascending within each epoch: they start anew where the next one begins.
        let first = all.windows(2).position(|pair| pair[1] < pair[0]).unwrap() + 1;
        assert!((70..130).contains(&first), "{first} of 400 draws in a quarter of the work");
        assert!(all[..first].iter().all(|place| *place < 4_000));
        assert!(all[first..].is_sorted() && all[first..].iter().all(|place| *place < 12_000));
    }

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
