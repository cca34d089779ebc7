//! Offering found blocks to one node, at its own pace: a node that is down or slow holds up no other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until, timeout},
};
use tracing::{info, warn};

use super::{
    fates::Fates,
    queue::{Place, Queue},
    saved::SavedBlock,
};
use crate::node::{Node, NodeError, Submitted};

/// Within which a node must judge a block. Bitcoin Core verifies a full one in seconds.
const JUDGE: Duration = Duration::from_secs(30);
/// Within which it must answer a wish.
const WISH: Duration = Duration::from_secs(5);
/// First and longest pause after a node did not answer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Found blocks on their way to one node.
pub(super) struct Offers {
    node: Arc<dyn Node>,
    index: usize,
    fates: Arc<Fates>,
    queue: Queue,
    /// Highest block of ours that the node took.
    taken: Option<u32>,
    /// Calls that failed in a row.
    failures: u32,
}

impl Offers {
    pub(super) fn new(node: Arc<dyn Node>, index: usize, fates: Arc<Fates>) -> Self {
        Self { node, index, fates, queue: Queue::default(), taken: None, failures: 0 }
    }

    /// Offers what comes through `saved`. Once that is closed, returns as soon as nothing is due or the node fails.
    pub(super) async fn run(mut self, mut saved: mpsc::UnboundedReceiver<Arc<SavedBlock>>) {
        loop {
            while let Ok(block) = saved.try_recv() {
                self.queue.push(block);
            }
            let now = Instant::now();
            let next = self.queue.next(now, |block| self.fates.is_decided(&block.hash));
            match next {
                Some((place, block)) => self.offer(place, &block).await,
                None if saved.is_closed() && saved.is_empty() => return,
                None => self.wait(&mut saved, now).await,
            }
            if self.failures > 0 {
                if saved.is_closed() {
                    return;
                }
                sleep(PAUSE.0.saturating_mul(1 << self.failures.min(5)).min(PAUSE.1)).await;
            }
        }
    }

    async fn wait(&mut self, saved: &mut mpsc::UnboundedReceiver<Arc<SavedBlock>>, now: Instant) {
        let due = self.queue.due(now);
        tokio::select! {
            Some(block) = saved.recv() => self.queue.push(block),
            () = sleep_until(due.unwrap_or(now).into()), if due.is_some() => {}
            else => {}
        }
    }

    async fn offer(&mut self, place: Place, block: &SavedBlock) {
        let (node, now) = (self.node.name(), Instant::now());
        match self.submit(block).await {
            Ok(Submitted::NotYet(reason)) => {
                warn!(node, %block, reason, "node can't judge the block yet");
                self.queue.postpone(&place, now);
            }
            Ok(said) => {
                info!(node, %block, ?said, milliseconds = now.elapsed().as_millis(), "block handed in");
                self.queue.remove(&place);
                self.prefer(block, &said).await;
                self.fates.told(block, self.index, &said).await;
            }
            Err(error @ NodeError::Refused { .. }) => {
                warn!(node, %block, %error, "node did not judge the block");
                self.queue.postpone(&place, now);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures == 1 {
                    warn!(node, %block, %error, "node does not take blocks");
                }
                return;
            }
        }
        self.failures = 0;
    }

    async fn submit(&self, block: &SavedBlock) -> Result<Submitted, NodeError> {
        let bytes = block.read().await?;
        let judged = timeout(JUDGE, self.node.submit_block(&bytes)).await;
        judged.unwrap_or_else(|_| {
            let reason = format!("no answer within {JUDGE:?}");
            Err(NodeError::Unreachable { node: self.node.name(), reason })
        })
    }

    /// A rival of the same height may have reached the node before. Not for siblings of our own: the node would only go
    /// from one to the other.
    async fn prefer(&mut self, block: &SavedBlock, said: &Submitted) {
        let is_first = self.taken.is_none_or(|taken| block.height > taken);
        if *said != Submitted::Accepted || !is_first {
            return;
        }
        self.taken = Some(block.height);
        if !matches!(timeout(WISH, self.node.prefer_block(&block.hash)).await, Ok(Ok(()))) {
            warn!(node = self.node.name(), %block, "node was not told to prefer the block");
        }
    }
}
