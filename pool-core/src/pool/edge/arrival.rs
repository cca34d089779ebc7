//! A connection on its way from the acceptor to its shard.

use super::transport::Transport;
use crate::{listener::ListenerProfile, pool::admission::Place};

#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) transport: Transport,
    pub(super) profile: ListenerProfile,
    pub(super) place: Place,
}
