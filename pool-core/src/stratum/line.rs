//! Bytes → lines, bounded.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Cuts a byte stream at line feeds. Memory is bounded by the longest line allowed.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    from: R,
    max: usize,
    buffer: Vec<u8>,
    /// How much of `buffer` belongs to the line handed out last.
    taken: usize,
}

/// What comes next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A line without its line feed.
    Whole(&'a [u8]),
    /// More than the limit without a line feed.
    TooLong,
    /// The other side is done.
    End,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(from: R, max: usize) -> Self {
        Self { from, max, buffer: Vec::new(), taken: 0 }
    }

    /// The next line. May be dropped half-way: what was read stays in the buffer.
    pub(crate) async fn next(&mut self) -> io::Result<Line<'_>> {
        self.buffer.drain(..std::mem::take(&mut self.taken));
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + at;
                if end > self.max {
                    return Ok(Line::TooLong);
                }
                self.taken = end + 1;
                return Ok(Line::Whole(&self.buffer[..end]));
            }
            searched = self.buffer.len();
            if searched > self.max {
                return Ok(Line::TooLong);
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(Line::End);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8], max: usize) -> Vec<String> {
        let mut reader = LineReader::new(bytes, max);
        let mut seen = Vec::new();
        loop {
            match reader.next().await.unwrap() {
                Line::Whole(line) => seen.push(String::from_utf8(line.to_vec()).unwrap()),
                Line::TooLong => return [seen, vec!["too long".into()]].concat(),
                Line::End => return seen,
            }
        }
    }

    #[tokio::test]
    async fn lines_are_cut_at_line_feeds_and_a_rest_is_dropped() {
        assert_eq!(lines(b"a\n\nbc\nrest", 10).await, ["a", "", "bc"]);
    }

    #[tokio::test]
    async fn a_line_at_the_limit_passes_and_a_longer_one_does_not() {
        assert_eq!(lines(b"12345\n123456\n", 5).await, ["12345", "too long"]);
        assert_eq!(lines(&[b'x'; 1_000_000], 16_384).await, ["too long"]);
    }
}
