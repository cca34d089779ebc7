//! Paths and entry bundles of c2sp.org/tlog-tiles.

use alloc::{format, string::String, vec::Vec};

/// Hashes of a full tile and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Longest entry bundle in bytes: 256 entries of 65,535 bytes with their lengths.
pub const BUNDLE_MAX: usize = 256 * (65_535 + 2);

/// Path of an entry bundle, below `/log/`: `tile/entries/<N>` with `.p/<W>` when `width` is less than 256.
pub fn entries_path(index: u64, width: u64) -> String {
    format!("tile/entries/{}", with_width(index, width))
}

/// Path of a hash tile, below `/log/`: `tile/<L>/<N>` with `.p/<W>` when `width` is less than 256.
pub fn tile_path(level: u8, index: u64, width: u64) -> String {
    format!("tile/{level}/{}", with_width(index, width))
}

/// Path of a kept checkpoint, below `/log/`.
pub fn checkpoint_path(size: u64) -> String {
    format!("checkpoints/{size}")
}

/// Index and width of every entry bundle of a tree of `size` entries.
pub fn bundles(size: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..size.div_ceil(TILE_WIDTH)).map(move |index| (index, TILE_WIDTH.min(size - index * TILE_WIDTH)))
}

/// Each entry behind its length as 16 bits, big-endian. Entries are at most 65,535 bytes ([`crate::entry::ENTRY_MAX`]).
pub fn to_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        bundle.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
        bundle.extend(entry);
    }
    bundle
}

/// Splits a bundle of exactly `width` entries; `Err` is the byte at which it is malformed.
///
/// # Errors
/// A bundle that ends early or goes on behind its last entry.
pub fn split_bundle(bundle: &[u8], width: u64) -> Result<Vec<&[u8]>, usize> {
    let (mut entries, mut rest) = (Vec::new(), bundle);
    for _ in 0..width {
        let at = bundle.len() - rest.len();
        let (length, behind) = rest.split_first_chunk::<2>().ok_or(at)?;
        let (entry, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(at)?;
        entries.push(entry);
        rest = behind;
    }
    if rest.is_empty() { Ok(entries) } else { Err(bundle.len() - rest.len()) }
}

fn with_width(index: u64, width: u64) -> String {
    let partial = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
    format!("{}{partial}", grouped(index))
}

/// 1234067 → `x001/x234/067`.
fn grouped(index: u64) -> String {
    let last = format!("{:03}", index % 1_000);
    if index < 1_000 { last } else { format!("{}/{last}", marked(index / 1_000)) }
}

fn marked(index: u64) -> String {
    let last = format!("x{:03}", index % 1_000);
    if index < 1_000 { last } else { format!("{}/{last}", marked(index / 1_000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(1, 0, 17), "tile/1/000.p/17");
        assert_eq!(entries_path(273, 112), "tile/entries/273.p/112");
        assert_eq!(entries_path(1_000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn a_tree_of_70000_has_274_bundles() {
        let all: Vec<_> = bundles(70_000).collect();
        assert_eq!(all.len(), 274);
        assert_eq!(all[273], (273, 112));
        assert_eq!(bundles(512).last(), Some((1, 256)));
        assert_eq!(bundles(0).count(), 0);
    }

    #[test]
    fn bundles_split_exactly_or_not_at_all() {
        let entries: [&[u8]; 3] = [b"a", b"", b"ccc"];
        let bundle = to_bundle(entries);
        assert_eq!(split_bundle(&bundle, 3).unwrap(), entries);
        assert_eq!(split_bundle(&bundle, 2), Err(5));
        assert_eq!(split_bundle(&bundle, 4), Err(bundle.len()));
        assert_eq!(split_bundle(&bundle[..6], 3), Err(5));
    }
}
