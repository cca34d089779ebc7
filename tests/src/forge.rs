//! What a dishonest operator could do: change evidence and sign a log that fits the change.
//!
//! A forged log is the honest one cut off behind an epoch's close, with one entry replaced. Everything behind it that
//! would give the forgery away is gone, so that the verifier has only the work itself to go by.

use anyhow::{Context, ensure};
use audit_core::bundle::Files;
use audit_core::checkpoint::{Checkpoint, LogKey};
use audit_core::entry::Entry;
use audit_core::merkle::{Frontier, leaf_hash};
use audit_core::tile;

use crate::bundle::resum;
use crate::evidence::Log;

/// Where the key of a log is in its server's data folder.
const KEY_FILE: &str = "log.key";

/// The key of a server's log.
pub fn log_key(data: &std::path::Path, origin: &str) -> anyhow::Result<LogKey> {
    let text = std::fs::read_to_string(data.join(KEY_FILE)).context("no log key")?;
    let seed = hex::decode(text.trim())?.try_into().ok().context("a seed has 32 bytes")?;
    Ok(LogKey::new(origin, &seed))
}

/// Replaces the log of a bundle by its first entries with those at `changes` replaced, signed with `key`.
pub fn forge(files: &mut Files, log: &Log, size: u64, changes: &[(u64, Entry)], key: &LogKey) -> anyhow::Result<()> {
    let mut leaves: Vec<Vec<u8>> = log.leaves.get(..usize::try_from(size)?).context("the log is shorter")?.to_vec();
    for (index, entry) in changes {
        ensure!(*index < size, "a change behind the end of the forged log");
        leaves[usize::try_from(*index)?] = entry.to_bytes();
    }
    files.retain(|path, _| !path.starts_with("log/tile/") && !path.starts_with("log/checkpoint"));
    for (index, width) in tile::bundles(size) {
        let start = usize::try_from(index * tile::TILE_WIDTH)?;
        let entries = leaves[start..start + usize::try_from(width)?].iter().map(Vec::as_slice);
        files.insert(format!("log/{}", tile::entries_path(index, width)), tile::to_bundle(entries));
    }
    let mut frontier = Frontier::new();
    for leaf in &leaves {
        frontier.push(leaf_hash(leaf));
        // Kept for every epoch_open and epoch_close; one too many does no harm.
        files.insert(format!("log/{}", tile::checkpoint_path(frontier.size())), note(&frontier, key));
    }
    files.insert("log/checkpoint".into(), note(&frontier, key));
    resum(files);
    Ok(())
}

fn note(frontier: &Frontier, key: &LogKey) -> Vec<u8> {
    Checkpoint { origin: key.origin().into(), size: frontier.size(), root: frontier.root() }.sign(key)
}
