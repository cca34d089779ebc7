//! The blocks that one node is still to be offered: newest height first, of one height in the order of finding. Pure.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::saved::SavedBlock;

/// A block that another node has and that is this deep below the newest reaches this node by its peers. Deeper than
/// reorganisations go.
const PEERS_HAVE_IT: u32 = 6;
/// First and longest wait before a block is offered again.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// One node's queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    blocks: BTreeMap<Place, Offer>,
    arrived: u64,
    newest: u32,
}

/// Newest height first, then the first found: its siblings are worth nothing once it is on the chain.
pub(super) type Place = (Reverse<u32>, u64);

#[derive(Debug)]
struct Offer {
    block: Arc<SavedBlock>,
    tries: u32,
    not_before: Option<Instant>,
}

impl Queue {
    pub(super) fn push(&mut self, block: Arc<SavedBlock>) {
        self.newest = self.newest.max(block.height);
        self.blocks.insert((Reverse(block.height), self.arrived), Offer { block, tries: 0, not_before: None });
        self.arrived += 1;
    }

    /// The block to offer now. Those that need no offer any more go.
    pub(super) fn next(
        &mut self,
        now: Instant,
        is_decided: impl Fn(&SavedBlock) -> bool,
    ) -> Option<(Place, Arc<SavedBlock>)> {
        let deep = self.newest.saturating_sub(PEERS_HAVE_IT);
        let is_due = |offer: &Offer| offer.not_before.is_none_or(|time| time <= now);
        loop {
            let (place, offer) = self.blocks.iter().find(|(_, offer)| is_due(offer))?;
            if offer.block.height < deep && is_decided(&offer.block) {
                self.blocks.remove(&place.clone());
                continue;
            }
            return Some((*place, offer.block.clone()));
        }
    }

    /// The node has decided.
    pub(super) fn remove(&mut self, place: &Place) {
        self.blocks.remove(place);
    }

    /// The node could not decide: another try later, longer each time.
    pub(super) fn postpone(&mut self, place: &Place, now: Instant) {
        if let Some(offer) = self.blocks.get_mut(place) {
            let wait = RETRY.0.saturating_mul(1 << offer.tries.min(7)).min(RETRY.1);
            offer.tries += 1;
            offer.not_before = Some(now + wait);
        }
    }

    /// When the next block is due, if any waits.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.blocks.values().map(|offer| offer.not_before.unwrap_or(now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::hash::BlockHash;

    fn block(height: u32, number: u8) -> Arc<SavedBlock> {
        Arc::new(SavedBlock::new("nowhere".as_ref(), height, BlockHash([number; 32])))
    }

    fn queue(blocks: &[(u32, u8)]) -> Queue {
        let mut queue = Queue::default();
        blocks.iter().for_each(|(height, number)| queue.push(block(*height, *number)));
        queue
    }

    /// The order in which blocks are offered to a node that takes all.
    fn order(mut queue: Queue, is_decided: impl Fn(&SavedBlock) -> bool) -> Vec<(u32, u8)> {
        let now = Instant::now();
        std::iter::from_fn(|| {
            let (place, block) = queue.next(now, &is_decided)?;
            queue.remove(&place);
            Some((block.height, block.hash.0[0]))
        })
        .collect()
    }

    #[test]
    fn newest_height_comes_first_and_siblings_in_the_order_of_finding() {
        let queue = queue(&[(1, 1), (2, 2), (2, 3), (3, 4), (1, 5)]);
        assert_eq!(order(queue, |_| false), [(3, 4), (2, 2), (2, 3), (1, 1), (1, 5)]);
    }

    #[test]
    fn deep_blocks_that_another_node_has_are_left_to_the_peers() {
        let blocks = [(1, 1), (2, 2), (4, 4), (10, 10)];
        assert_eq!(order(queue(&blocks), |block| block.height != 2), [(10, 10), (4, 4), (2, 2)]);
    }

    #[test]
    fn an_undecided_block_holds_up_no_other_and_comes_again() {
        let (mut queue, now) = (queue(&[(2, 2), (1, 1)]), Instant::now());
        let (newest, _) = queue.next(now, |_| false).unwrap();
        queue.postpone(&newest, now);
        let (older, block) = queue.next(now, |_| false).unwrap();
        assert_eq!(block.height, 1);
        queue.remove(&older);
        assert!(queue.next(now, |_| false).is_none());
        let due = queue.due(now).unwrap();
        assert!(due > now);
        assert_eq!(queue.next(due, |_| false).unwrap().0, newest);
    }
}
