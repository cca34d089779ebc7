//! How long a job on a new block takes from its template to the first and the last session that it is written to.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{live_job::LiveJob, stats::NotifyStats};

/// The newest job on a new block, and what is known of those before.
#[derive(Debug, Default)]
pub(super) struct FanOut(Mutex<Watch>);

#[derive(Debug, Default)]
struct Watch {
    running: Option<Running>,
    stats: NotifyStats,
}

#[derive(Debug)]
struct Running {
    job: Arc<LiveJob>,
    /// When its template came.
    since: Instant,
    reached: Reached,
    /// Threads that are still writing it.
    left: usize,
}

/// Sessions that a job was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reached {
    pub(super) sessions: u64,
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
}

impl Reached {
    /// One more session has been written to.
    pub(super) fn add(&mut self, now: Instant) {
        self.sessions += 1;
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    fn join(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            first: [self.first, other.first].into_iter().flatten().min(),
            last: self.last.max(other.last),
        }
    }
}

impl FanOut {
    /// `job`, whose template came at `since`, is about to be written by `threads`. An earlier one that is still being
    /// written is not counted.
    pub(super) fn begin(&self, job: Arc<LiveJob>, since: Instant, threads: usize) {
        self.watch().running = Some(Running { job, since, reached: Reached::default(), left: threads });
    }

    /// A thread has written a job to all of its sessions.
    pub(super) fn end(&self, job: &Arc<LiveJob>, reached: Reached) {
        let mut watch = self.watch();
        let Watch { running, stats } = &mut *watch;
        let Some(running) = running.as_mut().filter(|running| Arc::ptr_eq(&running.job, job)) else { return };
        running.reached = running.reached.join(reached);
        running.left = running.left.saturating_sub(1);
        if running.left == 0 {
            running.count(stats);
            watch.running = None;
        }
    }

    pub(super) fn stats(&self) -> NotifyStats {
        self.watch().stats
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn count(&self, stats: &mut NotifyStats) {
        let Reached { sessions, first: Some(first), last: Some(last) } = self.reached else { return };
        let after = |moment: Instant| moment.saturating_duration_since(self.since);
        stats.jobs += 1;
        stats.sessions += sessions;
        stats.first += after(first);
        stats.last += after(last);
        (stats.newest_first, stats.newest_last) = (after(first), after(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use std::time::Duration;

    #[test]
    fn a_job_counts_when_every_thread_has_written_it() {
        let (fan_out, since, job) = (FanOut::default(), Instant::now(), Arc::new(fixtures::job(0x1d00_ffff)));
        let at = |ms| since + Duration::from_millis(ms);
        let (mut one, mut other) = (Reached::default(), Reached::default());
        [2, 5].into_iter().for_each(|ms| one.add(at(ms)));
        [1, 3, 9].into_iter().for_each(|ms| other.add(at(ms)));
        fan_out.begin(job.clone(), since, 3);
        fan_out.end(&job, one);
        fan_out.end(&job, Reached::default());
        assert_eq!(fan_out.stats(), NotifyStats::default());
        fan_out.end(&job, other);
        let stats = fan_out.stats();
        assert_eq!((stats.jobs, stats.sessions), (1, 5));
        assert_eq!((stats.newest_first, stats.newest_last), (Duration::from_millis(1), Duration::from_millis(9)));
        assert_eq!((stats.first, stats.last), (Duration::from_millis(1), Duration::from_millis(9)));
    }

    #[test]
    fn a_job_that_a_newer_one_overtook_and_one_without_sessions_do_not_count() {
        let (fan_out, now) = (FanOut::default(), Instant::now());
        let (old, new) = (Arc::new(fixtures::job(0x1d00_ffff)), Arc::new(fixtures::job(0x1d00_ffff)));
        let mut reached = Reached::default();
        reached.add(now);
        fan_out.begin(old.clone(), now, 1);
        fan_out.begin(new.clone(), now, 1);
        fan_out.end(&old, reached);
        fan_out.end(&new, Reached::default());
        assert_eq!(fan_out.stats(), NotifyStats::default());
    }
}
