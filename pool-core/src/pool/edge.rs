//! The threads that serve rigs: one accepts, the others (one for each core) each serve their part of the connections.
//!
//! They share the board (what to work on), the books of open epochs, and nothing else; a share is judged, journalled and
//! answered by one thread. Start at `edge/shard.rs`.

mod acceptor;
mod alarms;
mod answers;
mod arrival;
mod broadcast;
mod connection;
mod dialogue;
mod end;
mod inbox;
mod shard;
mod transport;
mod turn;

use std::{
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use mio::Waker;
use tracing::{error, warn};

use self::{
    acceptor::{Acceptor, Inbox},
    shard::Shard,
};
use super::floor::Floor;
use crate::listener::Listener;

/// Threads that serve.
#[derive(Debug)]
pub(super) struct Edge {
    acceptor: Stage,
    shards: Stage,
}

/// Threads that end together.
#[derive(Debug)]
struct Stage {
    threads: Vec<JoinHandle<()>>,
    wakers: Vec<Arc<Waker>>,
    stopping: Arc<AtomicBool>,
}

impl Edge {
    /// Starts to serve `listeners`.
    pub(super) fn start(listeners: Vec<Listener>, floor: &Arc<Floor>) -> io::Result<Self> {
        let (mut shards, mut inboxes) = (Stage::default(), Vec::new());
        for number in 0..shard_count(floor.config.limits.shards) {
            let (arrivals, received) = mpsc::channel();
            let (shard, waker) = Shard::new(floor, received, shards.stopping.clone())?;
            inboxes.push(Inbox { arrivals, waker: waker.clone() });
            shards.spawn(format!("stratum-{number}"), waker, move || shard.run())?;
        }
        // The floor is new: nobody has set it.
        let _ = floor.wakers.set(shards.wakers.clone());
        let mut acceptor = Stage::default();
        let (doors, waker) = Acceptor::new(listeners, inboxes, floor.clone(), acceptor.stopping.clone())?;
        acceptor.spawn("stratum-accept".into(), waker, move || doors.run())?;
        Ok(Self { acceptor, shards })
    }

    /// Stops: first nobody is let in any more, then everything that has been read is answered. Returns when every thread
    /// has ended.
    pub(super) fn stop(self) {
        self.acceptor.stop();
        self.shards.stop();
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self { threads: Vec::new(), wakers: Vec::new(), stopping: Arc::new(AtomicBool::new(false)) }
    }
}

impl Stage {
    fn spawn(&mut self, name: String, waker: Arc<Waker>, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name).spawn(run)?);
        self.wakers.push(waker);
        Ok(())
    }

    fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        for waker in &self.wakers {
            if let Err(error) = waker.wake() {
                warn!(%error, "a thread can't be woken");
            }
        }
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a thread that serves rigs has panicked");
            }
        }
    }
}

/// As configured, or one for each core that this process may use.
fn shard_count(configured: usize) -> usize {
    if configured > 0 { configured } else { thread::available_parallelism().map_or(1, NonZero::get) }
}

#[cfg(test)]
mod tests;
