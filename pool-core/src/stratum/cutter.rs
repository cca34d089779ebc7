//! Chunks of a byte stream → lines, bounded. Only the rest of an unfinished line is kept.

use std::{mem, ops::ControlFlow};

/// A line longer than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineTooLong;

/// The beginning of a line whose end has not come. Allocates nothing while lines come whole.
#[derive(Debug, Default)]
pub(crate) struct LineCutter(Vec<u8>);

impl LineCutter {
    /// Hands the lines that `chunk` completes to `take`, without their line feeds, until it breaks: what follows then is
    /// dropped.
    ///
    /// # Errors
    /// A line of more than `max` bytes, after the lines before it.
    pub(crate) fn cut<B>(
        &mut self,
        chunk: &[u8],
        max: usize,
        mut take: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, LineTooLong> {
        let mut left = chunk;
        while let Some(end) = memchr::memchr(b'\n', left) {
            let (line, rest) = (&left[..end], &left[end + 1..]);
            left = rest;
            let taken = if self.0.is_empty() {
                checked(line, max).map(&mut take)?
            } else {
                let mut whole = mem::take(&mut self.0);
                whole.extend_from_slice(line);
                take(checked(&whole, max)?)
            };
            if taken.is_break() {
                return Ok(taken);
            }
        }
        self.0.extend_from_slice(left);
        checked(&self.0, max)?;
        Ok(ControlFlow::Continue(()))
    }
}

fn checked(line: &[u8], max: usize) -> Result<&[u8], LineTooLong> {
    if line.len() > max { Err(LineTooLong) } else { Ok(line) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]], max: usize) -> (Vec<Vec<u8>>, Result<(), LineTooLong>) {
        let (mut cutter, mut lines) = (LineCutter::default(), Vec::new());
        for chunk in chunks {
            let cut = cutter.cut(chunk, max, |line| {
                lines.push(line.to_vec());
                ControlFlow::<()>::Continue(())
            });
            if cut.is_err() {
                return (lines, Err(LineTooLong));
            }
        }
        (lines, Ok(()))
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(
            bytes in proptest::collection::vec(proptest::sample::select(vec![b'a', b'b', b'\n']), 0..60),
            at in any::<proptest::sample::Index>(),
            other in any::<proptest::sample::Index>(),
        ) {
            let (first, rest) = bytes.split_at(at.index(bytes.len() + 1));
            let (second, third) = rest.split_at(other.index(rest.len() + 1));
            let whole: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let (lines, end) = cut(&[first, second, third], 60);
            prop_assert_eq!(&lines[..], &whole[..whole.len() - 1]);
            prop_assert_eq!(end, Ok(()));
        }
    }

    #[test]
    fn a_line_at_the_limit_passes_and_a_longer_one_does_not() {
        assert_eq!(cut(&[b"12345\n"], 5), (vec![b"12345".to_vec()], Ok(())));
        assert_eq!(cut(&[b"1\n123456\n"], 5), (vec![b"1".to_vec()], Err(LineTooLong)));
        assert_eq!(cut(&[b"123", b"456"], 5).1, Err(LineTooLong));
        assert_eq!(cut(&[b"123", b"456\n"], 5).1, Err(LineTooLong));
    }

    #[test]
    fn nothing_is_handed_out_after_a_break() {
        let mut lines = 0;
        let cut = LineCutter::default().cut(b"a\nb\nc\n", 5, |_| {
            lines += 1;
            if lines == 2 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        });
        assert_eq!((cut, lines), (Ok(ControlFlow::Break("enough")), 2));
    }
}
