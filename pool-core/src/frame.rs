//! Checked frames, of which our append-only files consist: `len u32 | crc32c u32 | kind u8 | payload`, big-endian; `len`
//! counts kind and payload, the checksum (RFC 3720 appendix B.4) covers them.
//!
//! A file that ends in the middle of a frame was torn by a crash: what is whole before it counts, the rest was never
//! acknowledged. A broken frame with whole ones anywhere behind it is damage, not a tear, and is an error: cutting there
//! would take what was acknowledged.

use std::io::{self, Write};

use thiserror::Error;

/// Bytes before kind and payload.
const HEAD: usize = 8;
/// Longest kind and payload: twice Bitcoin's largest block.
const MAX_LEN: usize = 8 << 20;

/// So many whole frames in a row were written as frames. Fewer may be what a rig hid in the fields of a share, of whose
/// torn frame they are then a part.
const NO_ACCIDENT: usize = 3;

/// One whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    /// Offset of its first byte.
    pub(crate) start: usize,
}

/// The whole frames of a file and where they end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frames<'a> {
    pub(crate) whole: Vec<Frame<'a>>,
    /// Behind the last whole frame: what follows is torn.
    pub(crate) end: usize,
}

/// A broken frame in the middle of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the frame at byte {at} is broken but a whole one follows at byte {next}: the file is damaged. Restore it, or cut it \
     to {at} bytes to give up all that follows"
)]
pub struct Damaged {
    /// Offset of the broken frame.
    pub at: usize,
    /// Offset of the first whole frame behind it.
    pub next: usize,
}

/// Appends a frame to `bytes`.
pub(crate) fn push(bytes: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    debug_assert!(payload.len() < MAX_LEN, "frames are bounded by their writers");
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
    bytes.extend((payload.len() as u32 + 1).to_be_bytes());
    bytes.extend(crc.to_be_bytes());
    bytes.push(kind);
    bytes.extend(payload);
}

/// Writes a frame whose payload is in parts: megabytes need not be put together first.
pub(crate) fn write<'a>(
    output: &mut impl Write,
    kind: u8,
    parts: impl Iterator<Item = &'a [u8]> + Clone,
) -> io::Result<()> {
    let len: usize = parts.clone().map(<[u8]>::len).sum();
    let crc = parts.clone().fold(crc32c::crc32c(&[kind]), crc32c::crc32c_append);
    output.write_all(&(len as u32 + 1).to_be_bytes())?;
    output.write_all(&crc.to_be_bytes())?;
    output.write_all(&[kind])?;
    parts.into_iter().try_for_each(|part| output.write_all(part))
}

/// Reads `file` from byte `at` on.
///
/// # Errors
/// [`Damaged`], see the module's text.
pub(crate) fn read(file: &[u8], at: usize) -> Result<Frames<'_>, Damaged> {
    let mut frames = Frames { whole: Vec::new(), end: at };
    while let Some((frame, next)) = whole_frame(file, frames.end) {
        frames.whole.push(frame);
        frames.end = next;
    }
    let at = frames.end;
    // The broken frame's length may be what is broken, so whole ones are looked for at every byte.
    match (at + 1..file.len()).find(|start| frames_begin(file, *start)) {
        Some(next) => Err(Damaged { at, next }),
        None => Ok(frames),
    }
}

/// Whether whole frames begin here and go on to the end of the file, or for long enough.
fn frames_begin(file: &[u8], start: usize) -> bool {
    let ends = std::iter::successors(whole_frame(file, start), |(_, next)| whole_frame(file, *next));
    ends.map(|(_, next)| next).zip(1..=NO_ACCIDENT).any(|(end, count)| end == file.len() || count == NO_ACCIDENT)
}

fn whole_frame(file: &[u8], start: usize) -> Option<(Frame<'_>, usize)> {
    let range = body(file, start)?;
    let next = range.end;
    let body = &file[range];
    let crc = u32::from_be_bytes(file[start + 4..start + HEAD].try_into().ok()?);
    (crc32c::crc32c(body) == crc).then_some((Frame { kind: body[0], payload: &body[1..], start }, next))
}

/// Where kind and payload of the frame at `start` would be, if the file reaches so far.
fn body(file: &[u8], start: usize) -> Option<std::ops::Range<usize>> {
    let len = u32::from_be_bytes(file.get(start..start + 4)?.try_into().ok()?) as usize;
    let range = start + HEAD..start + HEAD + len;
    ((1..=MAX_LEN).contains(&len) && range.end <= file.len()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"magic".to_vec();
        payloads.iter().for_each(|payload| push(&mut bytes, 7, payload));
        bytes
    }

    proptest! {
        #[test]
        fn a_cut_leaves_the_whole_frames_before_it(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in any::<proptest::sample::Index>(),
        ) {
            let bytes = file(&payloads);
            let cut = 5 + cut.index(bytes.len() - 4);
            let frames = read(&bytes[..cut], 5).unwrap();
            prop_assert!(frames.end <= cut);
            prop_assert_eq!(frames.whole.len(), payloads.iter().scan(5, |end, payload| {
                *end += HEAD + 1 + payload.len();
                Some(*end)
            }).take_while(|end| *end <= cut).count());
        }

        #[test]
        fn garbage_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 5..200)) {
            let _ = read(&bytes, 5);
        }
    }

    #[test]
    fn parts_make_the_same_frame_as_the_whole() {
        let (mut pushed, mut written) = (Vec::new(), Vec::new());
        push(&mut pushed, 7, b"whole");
        write(&mut written, 7, [&b"wh"[..], b"", b"ole"].into_iter()).unwrap();
        assert_eq!(written, pushed);
    }

    #[test]
    fn any_flipped_bit_before_a_whole_frame_is_damage_with_its_place() {
        let whole = file(&[vec![1; 10], vec![2; 10], vec![3; 10]]);
        let second = 5 + HEAD + 11;
        let third = second + HEAD + 11;
        for bit in second * 8..third * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&bytes, 5), Err(Damaged { at: second, next: third }), "bit {bit}");
        }
    }

    #[test]
    fn frames_inside_of_a_torn_payload_are_part_of_the_tear() {
        let mut inner = Vec::new();
        push(&mut inner, 7, &[]);
        push(&mut inner, 7, &[]);
        let whole = file(&[vec![1; 10], [&inner[..], &[0; 9]].concat()]);
        let second = 5 + HEAD + 11;
        for cut in second..whole.len() {
            let read = read(&whole[..cut], 5);
            let ends_with_an_inner_frame = [9, 18].contains(&cut.saturating_sub(second + HEAD + 1));
            assert_eq!(read.is_ok(), !ends_with_an_inner_frame, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_in_the_last_frame_is_a_tear() {
        let whole = file(&[vec![1; 10], vec![2; 10]]);
        let second = 5 + HEAD + 11;
        for bit in second * 8..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&bytes, 5).unwrap().end, second, "bit {bit}");
        }
    }

    #[test]
    fn a_tail_of_zeros_is_a_tear() {
        let mut bytes = file(&[vec![1; 10]]);
        let end = bytes.len();
        bytes.extend([0; 100]);
        assert_eq!(read(&bytes, 5).unwrap().end, end);
    }
}
