//! What a turn has received and not looked at yet: sockets are read one after the other, and then line after line is
//! judged, so that the processor need not fetch the code of either again for every connection.

use std::{mem, ops::Range};

use super::{connection::Connection, end::End};

/// Read from a connection in a turn, so that nobody starves others: about a hundred submissions.
const READ: usize = 16 << 10;
/// Received before anything is judged: what a few thousand rigs send, or sixteen that send all they may.
const ROOM: usize = 16 * READ;

/// One buffer for all connections of a turn.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Box<[u8]>,
    filled: usize,
    received: Vec<Received>,
}

/// What reading a connection's socket gave.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) key: usize,
    pub(super) range: Result<Range<usize>, End>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; ROOM].into(), filled: 0, received: Vec::new() }
    }

    /// Whether another connection can be read.
    pub(super) fn has_room(&self) -> bool {
        self.filled + READ <= ROOM
    }

    /// Reads a connection's socket once.
    pub(super) fn receive(&mut self, key: usize, connection: &mut Connection) {
        let room = &mut self.buffer[self.filled..self.filled + READ];
        let range = connection.receive(room).map(|count| self.filled..self.filled + count);
        self.filled = range.as_ref().map_or(self.filled, |range| range.end);
        self.received.push(Received { key, range });
    }

    /// What was received since the last call, in order.
    pub(super) fn take(&mut self) -> Vec<Received> {
        self.filled = 0;
        mem::take(&mut self.received)
    }

    /// The bytes, until something else is received.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }
}
