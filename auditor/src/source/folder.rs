//! Evidence in a folder.

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Read, Seek, SeekFrom},
    path::Path,
};

use anyhow::{Context, Result, bail};
use audit_core::{audit::FetchError, hash::Hash32};

/// Reads a file below `root`, refusing one that is longer than `limit` before it is read.
pub(super) fn read(root: &Path, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
    let file = root.join(path);
    if fs::metadata(&file).map_err(unreadable)?.len() > limit {
        return Err(FetchError::TooLong(limit));
    }
    fs::read(file).map_err(unreadable)
}

/// Reads `length` bytes of a file from `start` on, or up to its end.
pub(super) fn read_range(root: &Path, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
    let mut file = fs::File::open(root.join(path)).map_err(unreadable)?;
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn unreadable(error: std::io::Error) -> FetchError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FetchError::NotFound,
        _ => FetchError::Unreadable(error.to_string()),
    }
}

/// SHA-256 of every file, by its path with `/` between folders.
pub(super) fn hashes(root: &Path) -> Result<BTreeMap<String, Hash32>> {
    let mut hashes = BTreeMap::new();
    collect(root, "", &mut hashes)?;
    Ok(hashes)
}

fn collect(folder: &Path, prefix: &str, hashes: &mut BTreeMap<String, Hash32>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            bail!("bundle.intact failed: {} has a file name that is not UTF-8", folder.display());
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), hashes)?;
        } else if kind.is_file() {
            hashes.insert(path, super::hash_of(&entry.path())?);
        } else {
            bail!("bundle.intact failed: {path} is neither a file nor a folder");
        }
    }
    Ok(())
}
