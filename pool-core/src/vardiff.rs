//! Vardiff: which level gives a session the wanted rate of shares. Pure; the clock is passed in.
//!
//! A window is judged when it has [`ENOUGH`] shares, or when it is as old as that many should take. Levels are powers of
//! two, so only a rate off by a factor of two or more changes anything.

use std::time::{Duration, Instant};

use audit_core::work::Level;

/// Shares that judge a window: their number is right to about 20 %, well inside the factor of two.
const ENOUGH: u32 = 24;
/// At most this many levels at once, so that one burst can't silence a session for long.
const MOST_UP: i8 = 6;
const MOST_DOWN: i8 = 3;

/// The controller of one session.
#[derive(Debug, Clone)]
pub(crate) struct Vardiff {
    /// Wanted time between shares.
    interval: Duration,
    easiest: Level,
    level: Level,
    since: Instant,
    shares: u32,
}

impl Vardiff {
    pub(crate) fn new(shares_per_minute: u32, easiest: Level, first: Level, now: Instant) -> Self {
        let interval = Duration::from_secs(60) / shares_per_minute.max(1);
        Self { interval, easiest, level: first.max(easiest), since: now, shares: 0 }
    }

    /// The level wanted now.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// The worker asked for a level: taken as the start of a new window.
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
        if level == self.level {
            self.shares += 1;
            self.judge(now);
        }
    }

    /// When to call [`Vardiff::judge`] next, should no share come.
    pub(crate) fn due(&self) -> Instant {
        self.since + self.window()
    }

    /// Judges the window if it is due.
    pub(crate) fn judge(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since);
        if self.shares < ENOUGH && elapsed < self.window() {
            return;
        }
        let wanted = self.interval.as_micros() * u128::from(self.shares);
        let step = match elapsed.as_micros() {
            took if wanted >= took.saturating_mul(2) => log2_floor(wanted, took).min(MOST_UP),
            took if took >= wanted.saturating_mul(2) => -log2_floor(took, wanted).min(MOST_DOWN),
            _ => 0,
        };
        let exponent = self.level.get().saturating_add(step);
        let level = Level::new(exponent).unwrap_or(if step < 0 { Level::MIN } else { Level::MAX });
        self.restart(level.max(self.easiest), now);
    }

    fn window(&self) -> Duration {
        self.interval * ENOUGH
    }

    fn restart(&mut self, level: Level, now: Instant) {
        self.level = level;
        self.since = now;
        self.shares = 0;
    }
}

/// ⌊log₂(large / small)⌋, at most 100.
fn log2_floor(large: u128, small: u128) -> i8 {
    (large / small.max(1)).checked_ilog2().map_or(0, |log| log.min(100) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(exponent: i8) -> Level {
        Level::new(exponent).unwrap()
    }

    /// A worker of `hashes` per second with evenly spread luck, for `seconds`.
    fn run(vardiff: &mut Vardiff, hashes: f64, mut now: Instant, seconds: u64) -> u32 {
        let end = now + Duration::from_secs(seconds);
        let mut shares = 0;
        loop {
            let found = now + Duration::from_secs_f64((vardiff.level().work().get() as f64 / hashes).min(1e9));
            if vardiff.due() < found {
                now = vardiff.due();
                vardiff.judge(now);
            } else {
                now = found;
                shares += 1;
                vardiff.on_share(vardiff.level(), now);
            }
            if now >= end {
                return shares;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_worker_ends_within_a_factor_of_two_of_the_wanted_rate(
            exponent in 16f64..80.0, start in -32i8..=63, per_minute in 6u32..600,
        ) {
            let now = Instant::now();
            let mut vardiff = Vardiff::new(per_minute, Level::MIN, level(start), now);
            let hashes = exponent.exp2();
            run(&mut vardiff, hashes, now, 3_600 * 4);
            let rate = 60.0 * hashes / vardiff.level().work().get() as f64;
            let wanted = f64::from(per_minute);
            prop_assert!((0.49..2.05).contains(&(rate / wanted)), "{} of {}", rate, wanted);
        }
    }

    #[test]
    fn silence_eases_down_to_the_easiest_level_only() {
        let now = Instant::now();
        let mut vardiff = Vardiff::new(12, level(3), level(20), now);
        for _ in 0..100 {
            vardiff.judge(vardiff.due());
        }
        assert_eq!(vardiff.level(), level(3));
    }

    #[test]
    fn shares_of_an_earlier_level_do_not_count() {
        let now = Instant::now();
        let mut vardiff = Vardiff::new(12, Level::MIN, level(0), now);
        for _ in 0..1_000 {
            vardiff.on_share(level(-1), now);
        }
        assert_eq!(vardiff.level(), level(0));
    }

    #[test]
    fn a_minimum_difficulty_lifts_level_and_floor() {
        let now = Instant::now();
        let mut vardiff = Vardiff::new(12, Level::MIN, level(0), now);
        vardiff.raise_easiest(level(5), now);
        assert_eq!(vardiff.level(), level(5));
        vardiff.suggest(level(1), now);
        assert_eq!(vardiff.level(), level(5));
    }
}
