//! Which of several nodes gives templates. Pure: what was seen of each node in, a choice out.

use std::time::{Duration, Instant};

/// What was last seen of one node. A node that nobody has asked yet counts as up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Health {
    /// Why it can't be used; `None` while it answers.
    pub(super) error: Option<String>,
    /// Of its best block; `None` before it was asked.
    pub(super) height: Option<u32>,
    /// Since when another node knows a higher block.
    behind_since: Option<Instant>,
}

/// The nodes in the operator's order of preference.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) nodes: Vec<Health>,
    /// How long a node may be behind another before the next one is preferred.
    lag: Duration,
}

impl Choice {
    pub(super) fn new(count: usize, lag: Duration) -> Self {
        let unknown = Health { error: None, height: None, behind_since: None };
        Self { nodes: vec![unknown; count], lag }
    }

    /// The node answered: its best block has this height. Whether it was down.
    pub(super) fn is_up(&mut self, index: usize, height: u32, now: Instant) -> bool {
        let node = &mut self.nodes[index];
        node.height = Some(height);
        let was_down = node.error.take().is_some();
        let best = self.nodes.iter().filter(|node| node.error.is_none()).filter_map(|node| node.height).max();
        for node in &mut self.nodes {
            let is_behind = node.height.is_some() && node.height < best;
            node.behind_since = is_behind.then(|| node.behind_since.unwrap_or(now));
        }
        was_down
    }

    /// The node can't be used. Whether it was up.
    pub(super) fn is_down(&mut self, index: usize, error: String) -> bool {
        self.nodes[index].error.replace(error).is_none()
    }

    /// The first node that is up and not behind; else the first that is up; else the first.
    pub(super) fn best(&self, now: Instant) -> usize {
        let up = |node: &Health| node.error.is_none();
        let keeps_up =
            |node: &Health| node.behind_since.is_none_or(|since| now.saturating_duration_since(since) <= self.lag);
        let first = self.nodes.iter().position(|node| up(node) && keeps_up(node));
        first.or_else(|| self.nodes.iter().position(up)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(20);

    fn three() -> (Choice, Instant) {
        (Choice::new(3, LAG), Instant::now())
    }

    #[test]
    fn the_first_node_is_chosen_while_it_is_up_and_again_when_it_is_back() {
        let (mut choice, now) = three();
        assert_eq!(choice.best(now), 0);
        assert!(choice.is_down(0, "gone".into()));
        assert!(!choice.is_down(0, "still gone".into()));
        assert_eq!(choice.best(now), 1);
        choice.is_down(1, "gone".into());
        assert_eq!(choice.best(now), 2);
        choice.is_up(0, 5, now);
        assert_eq!(choice.best(now), 0);
    }

    #[test]
    fn a_node_that_is_behind_for_long_is_passed_over_until_it_has_caught_up() {
        let (mut choice, now) = three();
        choice.is_up(0, 5, now);
        choice.is_up(1, 6, now);
        assert_eq!(choice.best(now + LAG), 0);
        choice.is_up(0, 5, now + LAG);
        assert_eq!(choice.best(now + LAG + Duration::from_secs(1)), 1);
        choice.is_up(0, 6, now + LAG + Duration::from_secs(2));
        assert_eq!(choice.best(now + LAG * 3), 0);
    }

    #[test]
    fn a_node_that_went_down_above_the_others_leaves_nobody_behind() {
        let (mut choice, now) = three();
        choice.is_up(0, 9, now);
        choice.is_up(1, 5, now);
        choice.is_down(0, "gone".into());
        choice.is_up(1, 5, now);
        assert_eq!(choice.best(now + LAG * 2), 1);
        choice.is_up(2, 5, now);
        assert_eq!(choice.best(now + LAG * 2), 1);
    }

    #[test]
    fn with_no_node_up_the_first_is_asked() {
        let (mut choice, now) = three();
        assert!((0..3).all(|index| choice.is_down(index, "gone".into())));
        assert_eq!(choice.best(now), 0);
    }
}
