//! Rejected submissions on their way to the journal. A rig gone wrong is rejected thousands of times a second: it costs a
//! count then, not a frame each.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    time::{Duration, Instant},
};

use crate::{journal::Record, reject::RejectReason};

/// From one note to the next: what a kill can take of the counts, which are the operator's own statement.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Counts by worker pseudonym and reason that the journal does not have yet.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    counts: HashMap<String, BTreeMap<RejectReason, u32>>,
    noted: Option<Instant>,
}

impl Rejects {
    pub(super) fn count(&mut self, pseudonym: &str, reason: RejectReason) {
        if !self.counts.contains_key(pseudonym) {
            self.counts.insert(pseudonym.to_owned(), BTreeMap::new());
        }
        if let Some(counts) = self.counts.get_mut(pseudonym) {
            let count = counts.entry(reason).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether the journal should have the counts now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let waited = |noted| now.saturating_duration_since(noted) >= NOTE_EVERY;
        !self.counts.is_empty() && self.noted.is_none_or(waited)
    }

    /// Takes the counts.
    pub(super) fn take(&mut self, now: Instant) -> impl Iterator<Item = Record> + use<> {
        self.noted = Some(now);
        mem::take(&mut self.counts).into_iter().flat_map(|(worker, counts)| {
            let record = move |(reason, count)| Record::Rejects { worker: worker.clone(), reason, count };
            counts.into_iter().map(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rejects_are_one_record_a_second_for_each_worker_and_reason() {
        let (mut rejects, now) = (Rejects::default(), Instant::now());
        assert!(!rejects.is_due(now));
        for _ in 0..1_000 {
            rejects.count("a", RejectReason::Stale);
            rejects.count("a", RejectReason::Duplicate);
            rejects.count("b", RejectReason::Stale);
        }
        assert!(rejects.is_due(now));
        let counts = |record| match record {
            Record::Rejects { worker, reason, count } => (worker, reason, count),
            other => panic!("{other:?}"),
        };
        let mut taken: Vec<_> = rejects.take(now).map(counts).collect();
        taken.sort();
        let [a, b] = ["a", "b"].map(str::to_owned);
        let expected = [
            (a.clone(), RejectReason::Stale, 1_000),
            (a, RejectReason::Duplicate, 1_000),
            (b, RejectReason::Stale, 1_000),
        ];
        assert_eq!(taken, expected);
        rejects.count("a", RejectReason::Stale);
        assert!(!rejects.is_due(now));
        assert!(rejects.is_due(now + NOTE_EVERY));
    }
}
