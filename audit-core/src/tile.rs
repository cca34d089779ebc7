//! Paths and entry bundles of c2sp.org/tlog-tiles.

use alloc::{format, string::String, vec::Vec};

/// Hashes of a full tile and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Longest entry bundle in bytes: 256 entries of 65,535 bytes with their lengths.
pub const BUNDLE_MAX: usize = 256 * (65_535 + 2);

/// What stands before the width in the path of a partial tile or bundle.
const PARTIAL: &str = ".p/";

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
        append_to_bundle(&mut bundle, entry);
    }
    bundle
}

/// Appends an entry to a bundle.
pub fn append_to_bundle(bundle: &mut Vec<u8>, entry: &[u8]) {
    bundle.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
    bundle.extend(entry);
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

/// The path of the full tile or bundle that begins with a partial one, and that replaces it once it exists; the path itself
/// when it names no partial file.
pub fn full_path(path: &str) -> &str {
    path.split_once(PARTIAL).map_or(path, |(full, _)| full)
}

/// What the partial file at `path` held, from the full file that replaced it. `None` when `path` names no partial file, or
/// the full one is too short.
pub fn narrowed<'a>(path: &str, full: &'a [u8]) -> Option<&'a [u8]> {
    let (full_path, width) = path.split_once(PARTIAL)?;
    let width: u64 = width.parse().ok()?;
    if !full_path.contains("tile/entries/") {
        return full.get(..usize::try_from(width).ok()? * 32);
    }
    let mut end = 0;
    for _ in 0..width {
        let length = full.get(end..)?.first_chunk::<2>()?;
        end += 2 + usize::from(u16::from_be_bytes(*length));
    }
    full.get(..end)
}

fn with_width(index: u64, width: u64) -> String {
    let partial = if width < TILE_WIDTH { format!("{PARTIAL}{width}") } else { String::new() };
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

    #[test]
    fn a_full_file_begins_with_the_partial_ones_it_replaced() {
        let bundle = to_bundle([&b"a"[..], b"", b"ccc"]);
        assert_eq!(full_path("log/tile/entries/x001/007.p/2"), "log/tile/entries/x001/007");
        assert_eq!(full_path("log/checkpoint"), "log/checkpoint");
        assert_eq!(narrowed("log/tile/entries/000.p/2", &bundle), Some(&bundle[..5]));
        assert_eq!(narrowed("log/tile/entries/000.p/4", &bundle), None);
        assert_eq!(narrowed("tile/0/000.p/2", &[7; 96]), Some(&[7; 64][..]));
        assert_eq!(narrowed("tile/0/000.p/4", &[7; 96]), None);
        assert_eq!(narrowed("tile/0/000", &[7; 96]), None);
    }
}
