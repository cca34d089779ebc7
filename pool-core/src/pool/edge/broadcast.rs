//! A new job's way to all connections, in pieces, so that shares need not wait for the last of them.

use std::{borrow::Cow, ops::Range};

use crate::{pool::fan_out::Reached, session::Announcement};

/// Connections that get the job in a turn: some milliseconds of writing.
const PIECE: usize = 1_024;

/// Which connections have not been looked at since the job was put up.
#[derive(Debug, Default)]
pub(super) struct Broadcast {
    left: Range<usize>,
    pub(super) reached: Reached,
}

impl Broadcast {
    /// Begins with the first of `keys` possible keys. Connections that open meanwhile get the job as they log in.
    pub(super) fn begin(&mut self, keys: usize) {
        *self = Self { left: 0..keys, reached: Reached::default() };
    }

    pub(super) fn is_under_way(&self) -> bool {
        !self.left.is_empty()
    }

    /// The next piece.
    pub(super) fn next_keys(&mut self) -> Range<usize> {
        let end = self.left.end.min(self.left.start.saturating_add(PIECE));
        let piece = self.left.start..end;
        self.left.start = end;
        piece
    }
}

/// What is written of it: nearly always the bytes that all sessions at the level share.
pub(super) fn lines(announcement: &Announcement) -> Cow<'_, [u8]> {
    let notify = announcement.job.notify.line(announcement.clean_jobs).as_bytes();
    match &announcement.set_difficulty {
        Some(set_difficulty) => [set_difficulty.as_bytes(), notify].concat().into(),
        None => notify.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_once_in_pieces() {
        let mut broadcast = Broadcast::default();
        assert!(!broadcast.is_under_way());
        broadcast.begin(2 * PIECE + 5);
        let mut seen = Vec::new();
        while broadcast.is_under_way() {
            let piece = broadcast.next_keys();
            assert!(piece.len() <= PIECE);
            seen.extend(piece);
        }
        assert_eq!(seen, (0..2 * PIECE + 5).collect::<Vec<_>>());
    }
}
