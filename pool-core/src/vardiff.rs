//! Vardiff: which level gives a session the wanted rate of shares. Pure; the clock is passed in.
//!
//! Shares come by chance, so a rate is only known to be wrong once the deviation outweighs the luck. Two buckets say when
//! (a CUSUM test for each direction): `early` fills with each share and empties with time, `late` fills with time and
//! empties with each share. A rate within a factor of √3 of the wanted one empties both faster than it fills them, and
//! levels are a factor of 2 apart: so every rig has a level at which it can stay, and one between two levels stays at the
//! one where it is. A thousandfold jump fills a bucket with the first few shares or the first silence.

use std::time::{Duration, Instant};

use audit_core::work::Level;

/// The rate whose shares fill `early` as fast as time empties it, √3, in thousandths.
const TOLERATED: u64 = 1_732;
/// Content of `early`, in wanted intervals, that proves a rig too fast: 25 shares at once.
const EARLY_FULL: u64 = 14;
/// Content of `late`, in wanted intervals, that proves a rig too slow.
const LATE_FULL: u64 = 40;
/// So many wanted intervals without any share prove it too. By chance it happens to a rig at 1/√2 of the wanted rate
/// once in 80,000 shares.
const SILENT: u64 = 16;
/// Sessions need not be judged more often for want of shares.
const PAUSE: Duration = Duration::from_millis(100);

/// The controller of one session.
#[derive(Debug, Clone)]
pub(crate) struct Vardiff {
    /// Wanted time between shares.
    interval: Duration,
    easiest: Level,
    level: Level,
    /// Until when the buckets are filled and emptied.
    at: Instant,
    last_share: Instant,
    early: Bucket,
    late: Bucket,
}

/// A bucket, and what has come since it was last empty.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    content: Duration,
    since: Instant,
    shares: u32,
}

impl Vardiff {
    pub(crate) fn new(shares_per_minute: u32, easiest: Level, first: Level, now: Instant) -> Self {
        let interval = Duration::from_secs(60) / shares_per_minute.max(1);
        let (level, empty) = (first.max(easiest), Bucket::empty(now));
        Self { interval, easiest, level, at: now, last_share: now, early: empty, late: empty }
    }

    /// The level wanted now.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The worker asked for a level: taken as a new start.
    pub(crate) fn suggest(&mut self, level: Level, now: Instant) {
        self.restart(level.max(self.easiest), now);
    }

    /// The worker wants nothing easier.
    pub(crate) fn raise_easiest(&mut self, level: Level, now: Instant) {
        self.easiest = self.easiest.max(level);
        self.suggest(self.level, now);
    }

    /// The level that jobs really have, when it can't be the wanted one (the network's target forbids it).
    pub(crate) fn settle(&mut self, level: Level, now: Instant) {
        if level != self.level {
            self.restart(level, now);
        }
    }

    /// Counts an accepted share. Shares of other levels were found before the last change and say nothing about this one.
    pub(crate) fn on_share(&mut self, level: Level, now: Instant) {
        if level != self.level {
            return;
        }
        self.pass(now);
        if self.early.content.is_zero() {
            // From the share before: what a stalled network delivers at once was found in the silence before it.
            self.early = Bucket::empty(self.last_share);
        }
        self.early.content += scaled(self.interval, 1_000, TOLERATED);
        self.early.shares += 1;
        self.late.content = self.late.content.saturating_sub(scaled(self.interval, TOLERATED, 1_000));
        self.late.shares += 1;
        if self.late.content.is_zero() {
            self.late = Bucket::empty(now);
        }
        self.last_share = now;
        self.judge(now);
    }

    /// When to call [`Vardiff::judge`] next, should no share come.
    pub(crate) fn due(&self) -> Instant {
        let full = self.at + times(self.interval, LATE_FULL).saturating_sub(self.late.content);
        let silent = self.last_share + times(self.interval, SILENT);
        full.min(silent).max(self.at + PAUSE)
    }

    /// Changes the level if the rate is proven wrong.
    pub(crate) fn judge(&mut self, now: Instant) {
        self.pass(now);
        let silence = now.saturating_duration_since(self.last_share);
        let step = if silence >= times(self.interval, SILENT) {
            -self.levels_too_hard(0, silence)
        } else if self.late.content >= times(self.interval, LATE_FULL) {
            -self.levels_too_hard(self.late.shares, now.saturating_duration_since(self.late.since))
        } else if self.early.content >= times(self.interval, EARLY_FULL) {
            self.levels_too_easy(now.saturating_duration_since(self.early.since))
        } else {
            return;
        };
        let exponent = self.level.get().saturating_add(step);
        let level = Level::new(exponent).unwrap_or(if step < 0 { Level::MIN } else { Level::MAX });
        self.restart(level.max(self.easiest), now);
        if step < 0 {
            // Who got slower may be slower still: half the proof is enough for the next step.
            self.late.content = times(self.interval, LATE_FULL / 2);
        }
    }

    /// Time empties `early` and fills `late`.
    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.early.content = self.early.content.saturating_sub(passed);
        self.late.content += passed;
    }

    /// How many levels the rate is above the wanted one; none when a full bucket came after as long a silence.
    fn levels_too_easy(&self, took: Duration) -> i8 {
        let wanted = self.interval.as_nanos() * u128::from(self.early.shares);
        log2_floor(wanted, took.as_nanos()).max(i8::from(wanted * 2 >= took.as_nanos() * 3))
    }

    /// How many levels the rate is below the wanted one, as if one more share had come.
    fn levels_too_hard(&self, shares: u32, took: Duration) -> i8 {
        let wanted = self.interval.as_nanos() * u128::from(shares + 1);
        log2_floor(took.as_nanos(), wanted).max(i8::from(took.as_nanos() * 2 >= wanted * 3))
    }

    fn restart(&mut self, level: Level, now: Instant) {
        self.level = level;
        (self.at, self.last_share) = (now, now);
        (self.early, self.late) = (Bucket::empty(now), Bucket::empty(now));
    }
}

impl Bucket {
    fn empty(since: Instant) -> Self {
        Self { content: Duration::ZERO, since, shares: 0 }
    }
}

fn times(interval: Duration, count: u64) -> Duration {
    scaled(interval, count, 1)
}

fn scaled(interval: Duration, numerator: u64, denominator: u64) -> Duration {
    // At most a minute times a few thousand.
    Duration::from_nanos(interval.as_nanos() as u64 * numerator / denominator)
}

/// ⌊log₂(large / small)⌋, 0 for a fraction, at most 100.
fn log2_floor(large: u128, small: u128) -> i8 {
    (large / small.max(1)).checked_ilog2().map_or(0, |log| log.min(100) as i8)
}

#[cfg(test)]
mod tests;
