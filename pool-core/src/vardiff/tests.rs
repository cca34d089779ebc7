use super::*;
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86_400);

fn level(exponent: i8) -> Level {
    Level::new(exponent).unwrap()
}

/// A rig with the luck of a real one: the time to the next share has an exponential distribution.
struct Rig {
    vardiff: Vardiff,
    start: Instant,
    now: Instant,
    /// State of SplitMix64.
    luck: u64,
}

/// What a rig saw.
#[derive(Debug, Default)]
struct Seen {
    shares: u64,
    /// When the level changed, and what to.
    changes: Vec<(Duration, i8)>,
}

impl Rig {
    fn new(per_minute: u32, first: i8, luck: u64) -> Self {
        let start = Instant::now();
        Self { vardiff: Vardiff::new(per_minute, Level::MIN, level(first), start), start, now: start, luck }
    }

    /// Mines with `hashes` per second for `time`, or until `done`.
    fn mine(&mut self, hashes: f64, time: Duration, done: impl Fn(&Vardiff) -> bool) -> Seen {
        let (mut seen, end) = (Seen::default(), self.now + time);
        while self.now < end && !done(&self.vardiff) {
            let before = self.vardiff.level();
            let seconds = self.vardiff.level().work().get() as f64 / hashes * self.exponential();
            let found = self.now + Duration::from_secs_f64(seconds.min(1e8));
            if self.vardiff.due() < found {
                // The wait for the next share has no memory, so it may start again.
                self.now = self.vardiff.due();
                self.vardiff.judge(self.now);
            } else {
                self.now = found;
                seen.shares += 1;
                self.vardiff.on_share(before, self.now);
            }
            if self.vardiff.level() != before {
                seen.changes.push((self.now - self.start, self.vardiff.level().get()));
            }
        }
        seen
    }

    fn exponential(&mut self) -> f64 {
        self.luck = self.luck.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.luck;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        -(((bits >> 11) as f64 + 1.0) / 2f64.powi(53)).ln()
    }
}

/// Hashes per second that bring 12 shares a minute at a level, which may be between two.
fn hashes(exponent: f64) -> f64 {
    (exponent + 32.0).exp2() * 12.0 / 60.0
}

/// How far the level is from the one that brings 12 shares a minute to a rig that `hashes(wanted)`, in levels.
fn distance(vardiff: &Vardiff, wanted: f64) -> f64 {
    (f64::from(vardiff.level().get()) - wanted).abs()
}

#[test]
fn a_steady_rig_changes_its_level_at_most_six_times_a_day_wherever_it_lies_between_two_levels() {
    for sixteenth in 0..16 {
        let wanted = 20.0 + f64::from(sixteenth) / 16.0;
        for luck in 0..20 {
            let mut rig = Rig::new(12, 13, luck);
            rig.mine(hashes(wanted), DAY / 24, |_| false);
            let seen = rig.mine(hashes(wanted), DAY, |_| false);
            assert!(seen.changes.len() <= 6, "{wanted} {luck}: {seen:?}");
            let per_minute = seen.shares as f64 / 1_440.0;
            assert!((12.0 / 1.75..12.0 * 1.75).contains(&per_minute), "{wanted} {luck}: {per_minute} a minute");
        }
    }
}

#[test]
fn a_rig_that_matches_a_level_never_leaves_it() {
    for luck in 0..50 {
        let mut rig = Rig::new(12, 20, luck);
        assert_eq!(rig.mine(hashes(20.0), DAY, |_| false).changes, []);
    }
}

/// Mines at one rate, then at `factor` times it; shares and seconds until the level is within 1 of the new one.
fn jump(factor: f64, luck: u64) -> (u64, f64) {
    let (mut rig, wanted) = (Rig::new(12, 20, luck), 20.0 + factor.log2());
    rig.mine(hashes(20.0), DAY / 24, |_| false);
    let start = rig.now;
    let seen = rig.mine(hashes(wanted), DAY, |vardiff| distance(vardiff, wanted) <= 1.0);
    (seen.shares, (rig.now - start).as_secs_f64())
}

#[test]
fn a_thousandfold_rate_is_followed_within_sixty_shares_and_ten_seconds() {
    for luck in 0..300 {
        let (shares, seconds) = jump(1_000.0, luck);
        assert!(shares <= 60 && seconds <= 10.0, "{luck}: {shares} shares, {seconds} s");
    }
}

#[test]
fn a_thousandth_of_the_rate_is_followed_within_twenty_minutes_and_seven_on_average() {
    let seconds: Vec<f64> = (0..300).map(|luck| jump(0.001, luck).1).collect();
    let (mean, worst) = (seconds.iter().sum::<f64>() / 300.0, seconds.iter().copied().fold(0.0, f64::max));
    assert!(mean <= 420.0 && worst <= 1_200.0, "{mean} s on average, {worst} s at worst");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_worker_ends_within_a_level_of_the_wanted_rate(
        wanted in -31f64..62.0, start in -32i8..=63, per_minute in 6u32..600, luck: u64,
    ) {
        let mut rig = Rig::new(per_minute, start, luck);
        rig.mine(hashes(wanted) * f64::from(per_minute) / 12.0, DAY / 6, |_| false);
        prop_assert!(distance(&rig.vardiff, wanted) <= 1.0, "{} instead of {}", rig.vardiff.level().get(), wanted);
    }

    /// Whatever comes at whatever time, also times that go back.
    #[test]
    fn no_sequence_of_events_goes_below_the_easiest_level_or_asks_to_be_judged_in_the_past(
        events in proptest::collection::vec((0u8..5, -32i8..=63, 0u64..1_000_000_000), 1..200), per_minute: u32,
    ) {
        let start = Instant::now();
        let (mut vardiff, mut latest) = (Vardiff::new(per_minute, level(-10), level(0), start), start);
        for (kind, exponent, micros) in events {
            let now = start + Duration::from_micros(micros);
            latest = latest.max(now);
            match kind {
                0 => vardiff.suggest(level(exponent), latest),
                1 => vardiff.settle(level(exponent.max(-10)), latest),
                2 => vardiff.judge(now),
                _ => vardiff.on_share(vardiff.level(), now),
            }
            prop_assert!(vardiff.level() >= level(-10));
            vardiff.judge(latest);
            prop_assert!(vardiff.due() >= latest);
        }
    }
}

#[test]
fn what_a_stalled_network_delivers_at_once_raises_the_level_by_what_it_proves() {
    let start = Instant::now();
    let mut vardiff = Vardiff::new(12, Level::MIN, level(0), start);
    vardiff.on_share(level(0), start);
    let after_the_stall = start + Duration::from_secs(75);
    for _ in 0..25 {
        vardiff.on_share(level(0), after_the_stall);
    }
    // 25 shares in 75 s are 1.7 times the wanted rate.
    assert_eq!(vardiff.level(), level(1));
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
