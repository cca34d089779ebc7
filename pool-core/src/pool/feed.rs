//! Templates from the chosen node: one long poll for new blocks, and a refresh every half minute.

use std::{sync::Arc, time::Duration};

use audit_core::hash::BlockHash;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{PoolEvent, floor::Floor};
use crate::node::{BlockTemplate, Node, NodeError, Nodes};

/// Waits between attempts while no node gives templates.
const RETRY: Duration = Duration::from_millis(500);
/// A long poll that returns without a new block is not asked again at once: the mempool moves all the time.
const CALM: Duration = Duration::from_secs(1);

/// Feeds templates to the driver until `stop`.
pub(super) async fn run(
    nodes: Nodes,
    templates: mpsc::Sender<BlockTemplate>,
    floor: Arc<Floor>,
    stop: CancellationToken,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = Feed { nodes: &nodes, templates: &templates, floor: &floor, down: false }.run() => {}
        () = nodes.watch() => {}
    }
}

/// Templates from one node after the other.
struct Feed<'a> {
    nodes: &'a Nodes,
    templates: &'a mpsc::Sender<BlockTemplate>,
    floor: &'a Floor,
    /// No node gives templates.
    down: bool,
}

impl Feed<'_> {
    async fn run(mut self) {
        let nodes = self.nodes;
        loop {
            let (index, node) = nodes.chosen();
            let ended = tokio::select! {
                ended = self.from(node) => ended,
                () = nodes.is_passed_over(index) => continue,
            };
            let Err(error) = ended else {
                // The driver has gone: the pool stops.
                return;
            };
            nodes.failed(index, &error);
            if nodes.chosen().0 == index {
                self.no_node(&error);
                sleep(RETRY).await;
            }
        }
    }

    fn no_node(&mut self, error: &NodeError) {
        if !std::mem::replace(&mut self.down, true) {
            error!(%error, "no node gives templates: rigs keep their last job");
            self.floor.tell(PoolEvent::NodeDown { error: error.to_string() });
        }
    }

    async fn from(&mut self, node: &dyn Node) -> Result<(), NodeError> {
        let first = node.template(None).await?;
        info!(node = node.name(), height = first.height, "templates come from this node");
        if std::mem::take(&mut self.down) {
            self.floor.tell(PoolEvent::NodeUp);
        }
        feed(node, first, self.templates, self.floor.config.limits.template_refresh).await
    }
}

/// Feeds until the node fails. The long poll is never dropped half-way but then: Bitcoin Core keeps a thread for each.
async fn feed(
    node: &dyn Node,
    first: BlockTemplate,
    templates: &mpsc::Sender<BlockTemplate>,
    refresh: Duration,
) -> Result<(), NodeError> {
    let mut ticks = interval_at(tokio::time::Instant::now() + refresh, refresh);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut poll = Box::pin(poll(node, Known::of(&first)));
    let mut next = first;
    loop {
        if templates.send(next).await.is_err() {
            return Ok(());
        }
        next = tokio::select! {
            newer = &mut poll => {
                let newer = newer?;
                poll.set(self::poll(node, Known::of(&newer)));
                newer
            }
            _ = ticks.tick() => node.template(None).await?,
        };
    }
}

/// What a long poll is asked with.
struct Known {
    longpoll_id: String,
    prevhash: BlockHash,
}

impl Known {
    fn of(template: &BlockTemplate) -> Self {
        Self { longpoll_id: template.longpoll_id.clone(), prevhash: template.prevhash }
    }
}

async fn poll(node: &dyn Node, last: Known) -> Result<BlockTemplate, NodeError> {
    let newer = node.template(Some(&last.longpoll_id)).await?;
    if newer.prevhash == last.prevhash {
        sleep(CALM).await;
    }
    Ok(newer)
}
