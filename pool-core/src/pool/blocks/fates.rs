//! What becomes of found blocks: a block is accepted once one node took it, rejected once every node refused it for good.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use audit_core::hash::BlockHash;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::saved::SavedBlock;
use crate::{node::Submitted, stats::BlockStats};

/// A found block that no node has taken for this long is an operator's business.
pub(super) const ALARM_AFTER: Duration = Duration::from_secs(30);
/// From one look for such blocks to the next.
const LOOK: Duration = Duration::from_secs(5);
/// From one alarm to the next.
const REPEAT: Duration = Duration::from_secs(60);

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A node has it.
    Accepted,
    /// No node wants it.
    Rejected,
}

/// Every found block's way to its fate.
#[derive(Debug)]
pub(crate) struct Fates {
    nodes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<BlockHash, Waiting>,
    accepted: u64,
    rejected: u64,
}

#[derive(Debug)]
struct Waiting {
    block: Arc<SavedBlock>,
    since: Instant,
    rejected_by: BTreeSet<usize>,
}

impl Fate {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl Fates {
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes, state: Mutex::default() }
    }

    /// Counts, for metrics.
    pub(crate) fn stats(&self) -> BlockStats {
        let (state, now) = (self.state(), Instant::now());
        BlockStats {
            waiting: state.waiting.len() as u64,
            longest_wait: state.waiting.values().map(|waiting| now - waiting.since).max().unwrap_or_default(),
            accepted: state.accepted,
            rejected: state.rejected,
            ..BlockStats::default()
        }
    }

    /// A block is saved and goes to the nodes.
    pub(super) fn wait_for(&self, block: Arc<SavedBlock>) {
        let waiting = Waiting { since: Instant::now(), rejected_by: BTreeSet::new(), block };
        self.state().waiting.insert(waiting.block.hash, waiting);
    }

    pub(super) fn is_decided(&self, hash: &BlockHash) -> bool {
        !self.state().waiting.contains_key(hash)
    }

    /// What a node said of a block. The file's name says so too when this returns.
    pub(super) async fn told(&self, block: &SavedBlock, node: usize, said: &Submitted) {
        let Some(fate) = self.state().told(&block.hash, node, said, self.nodes) else { return };
        match fate {
            Fate::Accepted => info!(%block, "a node has the block"),
            Fate::Rejected => error!(%block, ?said, "every node refused the block"),
        }
        if let Err(error) = block.mark(fate).await {
            warn!(%block, %error, "the block's fate is not noted: it will be handed in again at the next start");
        }
    }

    /// Reports blocks that wait too long, again and again. Never returns.
    pub(super) async fn alarm(&self) {
        loop {
            sleep(LOOK).await;
            let BlockStats { waiting, longest_wait, .. } = self.stats();
            if longest_wait >= ALARM_AFTER {
                error!(waiting, longest_wait_s = longest_wait.as_secs(), "found blocks are with no node yet");
                sleep(REPEAT).await;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The block's fate when this decides it.
    fn told(&mut self, hash: &BlockHash, node: usize, said: &Submitted, nodes: usize) -> Option<Fate> {
        let waiting = self.waiting.get_mut(hash)?;
        let fate = match said {
            Submitted::NotYet(_) => return None,
            Submitted::Accepted => Fate::Accepted,
            Submitted::Rejected(_) => {
                waiting.rejected_by.insert(node);
                (waiting.rejected_by.len() == nodes).then_some(Fate::Rejected)?
            }
        };
        self.waiting.remove(hash);
        match fate {
            Fate::Accepted => self.accepted += 1,
            Fate::Rejected => self.rejected += 1,
        }
        Some(fate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &[(usize, Submitted)]) -> Option<Fate> {
        let block = SavedBlock::new("nowhere".as_ref(), 1, BlockHash([1; 32]));
        let fates = Fates::new(2);
        fates.wait_for(Arc::new(block.clone()));
        said.iter().fold(None, |fate, (node, said)| fate.or(fates.state().told(&block.hash, *node, said, 2)))
    }

    #[test]
    fn one_node_accepts_a_block_and_all_must_refuse_it() {
        let refused = || Submitted::Rejected("bad".into());
        assert_eq!(told(&[(1, Submitted::Accepted)]), Some(Fate::Accepted));
        assert_eq!(told(&[(0, refused()), (1, Submitted::Accepted)]), Some(Fate::Accepted));
        assert_eq!(told(&[(0, refused()), (0, refused())]), None);
        assert_eq!(told(&[(0, refused()), (1, refused())]), Some(Fate::Rejected));
        assert_eq!(told(&[(0, refused()), (1, Submitted::NotYet("later".into()))]), None);
    }
}
