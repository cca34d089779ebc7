//! Listeners → connections, spread over the shards.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::ServerConfig;
use tracing::{debug, warn};

use super::{arrival::Arrival, transport::Transport};
use crate::{
    listener::{Listener, ListenerProfile},
    pool::floor::Floor,
};

/// Pause after a failed accept: out of file descriptors does not pass at once.
const PAUSE: Duration = Duration::from_millis(100);
const EVENTS: usize = 16;
const WAKE: Token = Token(usize::MAX);

pub(super) struct Acceptor {
    poll: Poll,
    doors: Vec<Door>,
    shards: Vec<Inbox>,
    next: usize,
    floor: Arc<Floor>,
    stopping: Arc<AtomicBool>,
}

/// A shard's end for new connections.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) waker: Arc<Waker>,
}

struct Door {
    socket: TcpListener,
    profile: ListenerProfile,
    tls: Option<Arc<ServerConfig>>,
    /// Connections may be waiting.
    ready: bool,
}

impl Acceptor {
    pub(super) fn new(
        listeners: Vec<Listener>,
        shards: Vec<Inbox>,
        floor: Arc<Floor>,
        stopping: Arc<AtomicBool>,
    ) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let mut doors = Vec::new();
        for (key, listener) in listeners.into_iter().enumerate() {
            let mut socket = TcpListener::from_std(listener.socket.into_std()?);
            poll.registry().register(&mut socket, Token(key), Interest::READABLE)?;
            doors.push(Door { socket, profile: listener.profile, tls: listener.tls, ready: true });
        }
        Ok((Self { poll, doors, shards, next: 0, floor, stopping }, waker))
    }

    /// Accepts until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let wait = self.doors.iter().any(|door| door.ready).then_some(PAUSE);
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                warn!(%error, "waiting for connections failed");
            }
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            for event in &events {
                if let Some(door) = self.doors.get_mut(event.token().0) {
                    door.ready = true;
                }
            }
            (0..self.doors.len()).for_each(|door| self.accept_all(door));
        }
    }

    /// Accepts until nobody waits at the door, or the process can't take more.
    fn accept_all(&mut self, door: usize) {
        while self.doors[door].ready {
            match self.doors[door].socket.accept() {
                Ok((socket, peer)) => self.admit(socket, peer, door),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.doors[door].ready = false,
                // The other side has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    warn!(%error, "accept failed");
                    return;
                }
            }
        }
    }

    /// Hands a connection to the next shard; one that is refused is closed.
    fn admit(&mut self, socket: TcpStream, peer: SocketAddr, door: usize) {
        let place = match self.floor.admission.admit(peer.ip(), Instant::now()) {
            Ok(place) => place,
            Err(refused) => return debug!(%peer, %refused, "connection refused"),
        };
        if let Err(error) = set_options(&socket, self.floor.config.limits.arrival) {
            return debug!(%peer, %error, "connection lost");
        }
        let Door { profile, tls, .. } = &self.doors[door];
        let transport = match Transport::new(socket, tls.clone()) {
            Ok(transport) => transport,
            Err(error) => return warn!(%peer, %error, "no TLS for a connection"),
        };
        let shard = &self.shards[self.next % self.shards.len()];
        self.next += 1;
        // Shards end after the acceptor, so this is heard.
        if shard.arrivals.send(Arrival { transport, profile: *profile, place }).is_ok()
            && let Err(error) = shard.waker.wake()
        {
            warn!(%error, "a shard can't be woken");
        }
    }
}

/// Lines go out at once; the kernel ends the connection when they do not arrive within `arrival` (tcp(7)).
fn set_options(socket: &TcpStream, arrival: Duration) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let milliseconds = u32::try_from(arrival.as_millis()).unwrap_or(u32::MAX);
    Ok(set_tcp_user_timeout(socket, milliseconds)?)
}
