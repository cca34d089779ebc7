//! How long journals take to be written and synced.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Sums over all journals of a pool. Nothing is decided by them, so no ordering is needed.
#[derive(Debug, Default)]
pub(crate) struct JournalTimes {
    pub(crate) writes: Timed,
    pub(crate) syncs: Timed,
}

/// A number of events and how long they took together.
#[derive(Debug, Default)]
pub(crate) struct Timed {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Timed {
    /// Does `work` and counts it.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.count.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        done
    }

    /// How many, and how long together.
    pub(crate) fn total(&self) -> (u64, Duration) {
        (self.count.load(Ordering::Relaxed), Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)))
    }
}
