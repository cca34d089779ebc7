//! The rows of `chunks`: what every later look at single chunks stands on.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Failure, equal};
use crate::{
    entry::EpochClose,
    epoch::{CHUNK_RECORDS, CHUNK_ROW_LEN, ChunkRow},
    hash::{BlockHash, Hash32},
    merkle::tree_root,
    work::Work,
};

/// The rows, once their roots give the share root, their works the claimed work, and their first hashes increase strictly
/// from the claimed best one.
pub(super) fn rows(path: &str, bytes: &[u8], close: &EpochClose) -> Result<Vec<ChunkRow>, Failure> {
    equal(path, "SHA-256", &close.chunks, &Hash32::of(bytes))?;
    let (rows, rest) = bytes.as_chunks::<CHUNK_ROW_LEN>();
    equal(path, "bytes behind the last row", &0, &rest.len())?;
    equal(path, "rows", &close.shares.count.div_ceil(CHUNK_RECORDS as u64), &(rows.len() as u64))?;
    let rows: Vec<ChunkRow> = rows.iter().map(ChunkRow::from_bytes).collect();
    let roots: Vec<Hash32> = rows.iter().map(|row| row.root).collect();
    equal(path, "root", &close.shares.root, &tree_root(&roots))?;
    let work = rows.iter().try_fold(Work::ZERO, |sum, row| sum.checked_add(row.work));
    equal(
        path,
        "work",
        &close.shares.work.to_string(),
        &work.map_or("more than 128 bits".into(), |sum| sum.to_string()),
    )?;
    equal(path, "best hash", &told(close.best_hash), &told(rows.first().map(|row| row.first)))?;
    match rows.windows(2).position(|pair| pair[0].first >= pair[1].first) {
        None => Ok(rows),
        Some(before) => {
            let expected = format!("a first hash above {}", rows[before].first);
            let found = rows[before + 1].first.to_string();
            Err(Failure::new(CheckId::ShareWork, path, Some(before as u64 + 1), expected, found))
        }
    }
}

fn told(hash: Option<BlockHash>) -> String {
    hash.map_or("none".into(), |hash| hash.to_string())
}
