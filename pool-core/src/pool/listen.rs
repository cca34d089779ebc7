//! Listener → connections.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{connection, floor::Floor};
use crate::listener::Listener;

/// Pause after a failed accept: out of file descriptors does not pass at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until `stop`. Beyond the configured number of sessions connections are closed at once.
pub(super) async fn run(listener: Listener, floor: Arc<Floor>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "accept failed");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match floor.places.clone().try_acquire_owned() {
            Err(_) => debug!(%peer, "no place for another session"),
            Ok(place) => {
                let (floor, stop) = (floor.clone(), stop.clone());
                tasks.spawn(async move {
                    connection::run(stream, listener.profile, &floor, &stop).await;
                    drop(place);
                });
            }
        }
    }
}
