//! A found block on disk: `<height>-<hash>` with an extension that says what became of it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use audit_core::hash::BlockHash;
use tracing::warn;

use super::fates::Fate;

/// Nobody has decided yet.
const WAITING: &str = "block";

/// A block that is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SavedBlock {
    folder: PathBuf,
    pub(super) height: u32,
    pub(super) hash: BlockHash,
}

impl SavedBlock {
    pub(super) fn new(folder: &Path, height: u32, hash: BlockHash) -> Self {
        Self { folder: folder.to_owned(), height, hash }
    }

    /// Where it waits for its fate.
    pub(super) fn path(&self) -> PathBuf {
        self.with_extension(WAITING)
    }

    /// Whether it has been saved at any time, whatever became of it.
    pub(super) fn exists(&self) -> bool {
        self.states().any(|path| path.exists())
    }

    /// The whole block.
    pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
        let mut absent = io::Error::from(io::ErrorKind::NotFound);
        for path in self.states() {
            match tokio::fs::read(path).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => absent = error,
                read => return read,
            }
        }
        Err(absent)
    }

    /// Notes the fate in the file's name. A crash before leaves the block waiting: it is handed in again.
    pub(super) async fn mark(&self, fate: Fate) -> io::Result<()> {
        tokio::fs::rename(self.path(), self.with_extension(fate.name())).await
    }

    fn states(&self) -> impl Iterator<Item = PathBuf> {
        [WAITING, Fate::Accepted.name(), Fate::Rejected.name()].into_iter().map(|state| self.with_extension(state))
    }

    fn with_extension(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{self}.{extension}"))
    }
}

impl fmt::Display for SavedBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.height, self.hash)
    }
}

/// Blocks that were saved but not decided.
pub(super) fn waiting(folder: &Path) -> io::Result<Vec<SavedBlock>> {
    let mut blocks = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(WAITING)?.strip_suffix('.')) else { continue };
        match parse(stem) {
            Some((height, hash)) => blocks.push(SavedBlock::new(folder, height, hash)),
            None => warn!(?name, "no block: its name is not <height>-<hash>.block"),
        }
    }
    Ok(blocks)
}

fn parse(stem: &str) -> Option<(u32, BlockHash)> {
    let (height, hash) = stem.split_once('-')?;
    Some((height.parse().ok()?, hash.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_undecided_blocks_wait_and_decided_ones_can_still_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [1, 2].map(|n| SavedBlock::new(folder.path(), n, BlockHash([n as u8; 32])));
        fs::write(first.path(), b"first").unwrap();
        fs::write(second.path(), b"second").unwrap();
        fs::write(folder.path().join("notes.block"), b"").unwrap();
        first.mark(Fate::Accepted).await.unwrap();
        assert_eq!(waiting(folder.path()).unwrap(), [second]);
        assert_eq!(first.read().await.unwrap(), b"first");
    }
}
