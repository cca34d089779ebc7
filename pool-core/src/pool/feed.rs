//! Templates from the node: one long poll for new blocks, and a refresh every half minute.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval_at, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{PoolEvent, floor::Floor};
use crate::node::{BlockTemplate, Node, NodeError};

/// Waits between attempts while the node is down.
const RETRY: Duration = Duration::from_millis(500);
/// A long poll that returns without a new block is not asked again at once: the mempool moves all the time.
const CALM: Duration = Duration::from_secs(1);

/// Feeds templates to the driver until `stop`.
pub(super) async fn run(
    node: Arc<dyn Node>,
    templates: mpsc::Sender<BlockTemplate>,
    floor: Arc<Floor>,
    stop: CancellationToken,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = keep_feeding(&*node, &templates, &floor) => {}
    }
}

async fn keep_feeding(node: &dyn Node, templates: &mpsc::Sender<BlockTemplate>, floor: &Floor) {
    let mut down = false;
    loop {
        let error = match node.template(None).await {
            Err(error) => error,
            Ok(first) => {
                if std::mem::take(&mut down) {
                    info!("node is back");
                    floor.tell(PoolEvent::NodeUp);
                }
                match feed(node, first, templates, floor.config.limits.template_refresh).await {
                    Err(error) => error,
                    // The driver has gone: the pool stops.
                    Ok(()) => return,
                }
            }
        };
        if !std::mem::replace(&mut down, true) {
            warn!(%error, "node gives no templates");
            floor.tell(PoolEvent::NodeDown { error: error.to_string() });
        }
        sleep(RETRY).await;
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
    let mut poll = Box::pin(poll(node, first.clone()));
    let mut next = first;
    loop {
        if templates.send(next).await.is_err() {
            return Ok(());
        }
        next = tokio::select! {
            newer = &mut poll => {
                let newer = newer?;
                poll.set(self::poll(node, newer.clone()));
                newer
            }
            _ = ticks.tick() => node.template(None).await?,
        };
    }
}

async fn poll(node: &dyn Node, last: BlockTemplate) -> Result<BlockTemplate, NodeError> {
    let newer = node.template(Some(&last.longpoll_id)).await?;
    if newer.prevhash == last.prevhash {
        sleep(CALM).await;
    }
    Ok(newer)
}
