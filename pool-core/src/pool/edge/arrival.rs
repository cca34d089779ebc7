//! A connection on its way from the acceptor to its shard.

use mio::net::TcpStream;

use crate::{listener::ListenerProfile, pool::admission::Place};

#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) socket: TcpStream,
    pub(super) profile: ListenerProfile,
    pub(super) place: Place,
}
