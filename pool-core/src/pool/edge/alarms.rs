//! When a connection needs attention without having said anything.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

/// Times to look at connections. A connection keeps the earliest of its own; others of it are void.
#[derive(Debug, Default)]
pub(super) struct Alarms(BinaryHeap<Reverse<(Instant, usize)>>);

impl Alarms {
    /// Notes to look at `key` at `at`, unless the earlier time `set` is noted already.
    pub(super) fn set(&mut self, key: usize, at: Instant, set: &mut Option<Instant>) {
        if set.is_none_or(|set| at < set) {
            *set = Some(at);
            self.0.push(Reverse((at, key)));
        }
    }

    /// The next connection to look at, with its alarm's time.
    pub(super) fn due(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let Reverse((at, _)) = self.0.peek()?;
        if *at > now {
            return None;
        }
        self.0.pop().map(|Reverse((at, key))| (key, at))
    }

    /// How long nothing is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.peek().map(|Reverse((at, _))| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_only_when_due() {
        let (mut alarms, now) = (Alarms::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        let (mut first, mut second) = (None, None);
        alarms.set(1, at(9), &mut first);
        alarms.set(2, at(5), &mut second);
        alarms.set(1, at(10), &mut first);
        alarms.set(1, at(7), &mut first);
        assert_eq!((first, second), (Some(at(7)), Some(at(5))));
        assert_eq!(alarms.wait(at(1)), Some(Duration::from_secs(4)));
        assert_eq!(alarms.due(at(4)), None);
        assert_eq!(alarms.due(at(8)), Some((2, at(5))));
        assert_eq!(alarms.due(at(8)), Some((1, at(7))));
        assert_eq!(alarms.due(at(8)), None);
    }
}
