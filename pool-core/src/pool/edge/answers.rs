//! What a turn has to say, held back until the journal has what it acknowledges.

use std::ops::Range;

use crate::stratum::reply;

/// One buffer for all connections of a turn.
#[derive(Debug, Default)]
pub(super) struct Answers {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    /// Where in `bytes` the ids of accepted submissions are.
    accepted: Vec<Range<usize>>,
}

/// The lines for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) key: usize,
    range: Range<usize>,
}

/// Kept from turn to turn; a burst's memory is given back.
const KEPT: usize = 1 << 20;

impl Answers {
    pub(super) fn push(&mut self, lines: &str) {
        self.bytes.extend_from_slice(lines.as_bytes());
    }

    /// Says that the submission with the id was accepted.
    pub(super) fn accept(&mut self, id: &str) {
        self.accepted.push(reply::push_true(&mut self.bytes, id));
    }

    /// What was pushed since the last call is for the connection `key`.
    pub(super) fn address(&mut self, key: usize) {
        let start = self.parts.last().map_or(0, |part| part.range.end);
        if self.bytes.len() > start {
            self.parts.push(Part { key, range: start..self.bytes.len() });
        }
    }

    /// How many connections have something to read.
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The connection and its lines.
    pub(super) fn part(&self, index: usize) -> (usize, &[u8]) {
        let part = &self.parts[index];
        (part.key, &self.bytes[part.range.clone()])
    }

    /// Takes everything back: what was accepted is refused with `refuse(id)` instead, by connection.
    pub(super) fn take_back(&mut self, refuse: impl Fn(&str) -> String) -> Vec<(usize, String)> {
        let mut accepted = self.accepted.iter().peekable();
        let mut refusals = Vec::new();
        for part in &self.parts {
            let mut lines = String::new();
            while let Some(id) = accepted.next_if(|id| id.end <= part.range.end) {
                lines += &refuse(&String::from_utf8_lossy(&self.bytes[id.clone()]));
            }
            refusals.push((part.key, lines));
        }
        self.clear();
        refusals
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.parts.clear();
        self.accepted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_gets_its_own_lines() {
        let mut answers = Answers::default();
        answers.push("a\n");
        answers.push("b\n");
        answers.address(7);
        answers.address(8);
        answers.push("c\n");
        answers.address(9);
        assert_eq!(answers.len(), 2);
        assert_eq!(answers.part(0), (7, &b"a\nb\n"[..]));
        assert_eq!(answers.part(1), (9, &b"c\n"[..]));
    }

    #[test]
    fn what_is_taken_back_is_refused_by_its_id() {
        let mut answers = Answers::default();
        answers.accept("1");
        answers.push("pong\n");
        answers.accept("\"x\"");
        answers.address(7);
        answers.push("pong\n");
        answers.address(8);
        answers.accept("3");
        answers.address(9);
        let refusals = answers.take_back(|id| format!("no {id}\n"));
        let expected = [(7, "no 1\nno \"x\"\n"), (8, ""), (9, "no 3\n")];
        assert_eq!(refusals, expected.map(|(key, lines)| (key, lines.to_owned())));
        assert_eq!(answers.len(), 0);
    }
}
