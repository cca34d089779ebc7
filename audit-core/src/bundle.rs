//! A bundle: evidence in one place, with the paths it has over HTTP and a `SHA256SUMS` that lists every other file.
//!
//! As a folder, or as one canonical ustar archive: sorted paths, mode 644, zero owners, times and padding, two zero
//! blocks at the end, and nothing else. Exactly one archive belongs to a set of files, so no byte of it can change.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use thiserror::Error;

use crate::{audit::Place, hash::Hash32};

/// The list of hashes, in the bundle's root.
pub const SUMS: &str = "SHA256SUMS";
/// Bytes of an archive's block: headers are one, contents are padded to whole ones.
pub const BLOCK: usize = 512;
/// Zero blocks at an archive's end.
pub const END_BLOCKS: usize = 2;

/// Files by path, with `/` between folders and none in front.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Why bytes are no bundle archive.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TarError {
    /// The archive ends early or has a malformed header.
    #[error("not a ustar archive at byte {0}")]
    Malformed(usize),
    /// An archive, but not the canonical one of its files.
    #[error("not the canonical archive of its files at byte {0}")]
    NotCanonical(usize),
}

/// The content of `SHA256SUMS` for files (itself left out): `<hex>  <path>` lines, sorted by path.
pub fn sums(files: &Files) -> Vec<u8> {
    sums_of(&files.iter().map(|(path, bytes)| (path.clone(), Hash32::of(bytes))).collect())
}

/// The same from the files' hashes.
pub fn sums_of(hashes: &BTreeMap<String, Hash32>) -> Vec<u8> {
    let listed = hashes.iter().filter(|(path, _)| *path != SUMS);
    listed.map(|(path, hash)| format!("{hash}  {path}\n")).collect::<String>().into_bytes()
}

/// What is wrong with a bundle's `SHA256SUMS`: files that are missing, not listed or changed. `hashes` are those of all
/// files but `SHA256SUMS`, whose content is `sums`.
pub fn check_sums(sums: Option<&[u8]>, hashes: &BTreeMap<String, Hash32>) -> Vec<Place> {
    let Some(sums) = sums else { return Vec::from([Place::new(SUMS, None, "the file", "not found")]) };
    let listed = match listed(sums) {
        Ok(listed) => listed,
        Err(line) => {
            return Vec::from([Place::new(SUMS, Some(line), "a hash, two spaces and a path, sorted", "another line")]);
        }
    };
    let mut places = Vec::new();
    for (path, expected) in &listed {
        let found = hashes.get(path);
        if found != Some(expected) {
            let found = found.map_or("not found".to_string(), |hash| format!("SHA-256 {hash}"));
            places.push(Place::new(&**path, None, format!("SHA-256 {expected}"), found));
        }
    }
    let unlisted = hashes.keys().filter(|path| !listed.contains_key(*path));
    places.extend(unlisted.map(|path| Place::new(&**path, None, "a file that SHA256SUMS lists", "not listed")));
    places
}

/// The archive of files.
pub fn to_tar(files: &Files) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, bytes) in files {
        tar.extend(header(path, bytes.len() as u64));
        tar.extend(bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + END_BLOCKS * BLOCK, 0);
    tar
}

/// The files of a canonical archive.
///
/// # Errors
/// See [`TarError`].
pub fn from_tar(tar: &[u8]) -> Result<Files, TarError> {
    let (mut files, mut at) = (Files::new(), 0);
    loop {
        let block = tar.get(at..at + BLOCK).ok_or(TarError::Malformed(at))?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let (path, length) = parse_header(block).ok_or(TarError::Malformed(at))?;
        let length = usize::try_from(length).map_err(|_| TarError::Malformed(at))?;
        let start = at + BLOCK;
        let end = start.checked_add(length).ok_or(TarError::Malformed(at))?;
        let content = tar.get(start..end).ok_or(TarError::Malformed(at))?;
        files.insert(path, content.to_vec());
        at = end.next_multiple_of(BLOCK);
    }
    let canonical = to_tar(&files);
    if canonical == tar {
        return Ok(files);
    }
    let same = canonical.iter().zip(tar).take_while(|(ours, theirs)| ours == theirs).count();
    Err(TarError::NotCanonical(same))
}

/// The listed hashes by path; `Err` is the line, from 1, that is none.
fn listed(sums: &[u8]) -> Result<BTreeMap<String, Hash32>, u64> {
    let text = core::str::from_utf8(sums).map_err(|_| 1u64)?;
    let mut listed = BTreeMap::new();
    if text.is_empty() {
        return Ok(listed);
    }
    let lines = text.strip_suffix('\n').ok_or(1u64)?.split('\n');
    for (line, number) in lines.zip(1..) {
        let (hash, path) = line.split_once("  ").ok_or(number)?;
        let sorted = listed.last_key_value().is_none_or(|(last, _): (&String, _)| last.as_str() < path);
        if !sorted || path == SUMS {
            return Err(number);
        }
        listed.insert(path.to_string(), hash.parse().map_err(|_| number)?);
    }
    Ok(listed)
}

/// The canonical header of a member (ustar, POSIX.1-1988). Paths of evidence are shorter than the 100 bytes of its name
/// field.
pub fn header(path: &str, length: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &path.as_bytes()[..path.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// Path and length of the member behind a header block; `None` unless it is their canonical header.
pub fn parse_header(block: &[u8]) -> Option<(String, u64)> {
    let name = block.get(..100)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(100);
    let path = core::str::from_utf8(name.get(..end)?).ok()?;
    let length = u64::from_str_radix(core::str::from_utf8(block.get(124..135)?).ok()?, 8).ok()?;
    (header(path, length) == *block).then(|| (path.to_string(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        [("a/b", &b"one"[..]), ("a/c", b""), ("z", &[7; 513])].map(|(path, bytes)| (path.into(), bytes.into())).into()
    }

    fn hashes(files: &Files) -> BTreeMap<String, Hash32> {
        files.iter().map(|(path, bytes)| (path.clone(), Hash32::of(bytes))).collect()
    }

    #[test]
    fn archives_round_trip_and_no_byte_can_change_unseen() {
        let tar = to_tar(&files());
        assert_eq!(from_tar(&tar), Ok(files()));
        for index in 0..tar.len() {
            let mut flipped = tar.clone();
            flipped[index] ^= 1;
            assert_ne!(from_tar(&flipped), Ok(files()), "byte {index}");
        }
        assert!(from_tar(&tar[..tar.len() - 1]).is_err());
        assert!(from_tar(&[&tar[..], &[0; 512]].concat()).is_err());
    }

    #[test]
    fn sums_name_missing_changed_and_unlisted_files() {
        let sums = sums(&files());
        assert_eq!(check_sums(Some(&sums), &hashes(&files())), []);
        let mut other = files();
        other.remove("a/c");
        other.insert("z".into(), b"changed".to_vec());
        other.insert("new".into(), b"".to_vec());
        let places: Vec<String> =
            check_sums(Some(&sums), &hashes(&other)).into_iter().map(|place| place.file).collect();
        assert_eq!(places, ["a/c", "z", "new"]);
        assert_eq!(check_sums(None, &hashes(&files())).len(), 1);
    }

    #[test]
    fn malformed_sums_are_refused() {
        for text in ["x", "x\n", "\n", "00  a\n"] {
            assert_eq!(check_sums(Some(text.as_bytes()), &BTreeMap::new())[0].file, SUMS, "{text:?}");
        }
    }
}
