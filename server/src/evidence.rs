//! The public evidence: immutable files under the data directory, and their HTTP face.
//!
//! In scope: durable writing ([`EvidenceStore`]), the closed grammar of public paths ([`path`]), serving ([`http`]).
//! Out of scope: what the files say (`audit-core`), when they are written (`crate::tlog`, `crate::sealing`,
//! `crate::settlement`, `crate::liabilities`, `crate::chain`).
//!
//! Trusted: whoever can change a file here makes the verifier's checks fail; nobody is paid by what these files say.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use audit_core::tile_tree::TileStore;
use thiserror::Error;

pub mod http;
mod path;

/// Where evidence is kept: `<root>/log/…`, `<root>/epoch/…`, `<root>/allocation/…`, `<root>/settlement/…`,
/// `<root>/liabilities/…`, `<root>/payout/…`, `<root>/chain/…`.
#[derive(Clone, Debug)]
pub struct EvidenceStore {
    root: PathBuf,
}

/// Why evidence could not be written or read.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// The path already holds other bytes.
    #[error(
        "evidence file {0} already holds other bytes; published evidence never changes: find out which of the two \
         is true, and restore the data directory from a backup if it was damaged"
    )]
    Changed(String),
    /// The file system refused.
    #[error("evidence file {path}: {source}")]
    Io {
        /// Path below the store's root.
        path: String,
        /// What the file system said.
        source: io::Error,
    },
}

impl EvidenceStore {
    /// A store below `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Writes an immutable file. When this returns, the bytes are on disk under their final name. Writing the same
    /// bytes again is a no-op, so every caller may repeat itself after a crash.
    ///
    /// # Errors
    /// [`EvidenceError::Changed`] when the path holds other bytes.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        match self.read(path)? {
            Some(existing) if existing == bytes => Ok(()),
            Some(_) => Err(EvidenceError::Changed(path.into())),
            None => self.replace(path, bytes),
        }
    }

    /// Writes a file that may change, such as `log/checkpoint`: readers see the old or the new bytes, never a mixture,
    /// also after a crash. A crash leaves at most a `.tmp` file, which no public path names.
    pub(crate) fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        replace_durably(&self.root.join(path), bytes).map_err(|source| EvidenceError::Io { path: path.into(), source })
    }

    /// Writes several files that may change, for readers who want them to fit each other: all are on disk before the first
    /// gets its name, and the names change at once after each other, in this order. A crash may leave some of them old.
    pub(crate) fn replace_all(&self, files: &[(&str, &[u8])]) -> Result<(), EvidenceError> {
        let at = |path: &str| {
            let path = path.to_owned();
            move |source| EvidenceError::Io { path, source }
        };
        for (path, bytes) in files {
            write_temporary(&self.root.join(path), bytes).map_err(at(path))?;
        }
        for (path, _) in files {
            let target = self.root.join(path);
            fs::rename(temporary(&target), &target).map_err(at(path))?;
        }
        for (path, _) in files {
            sync_folder(&self.root.join(path)).map_err(at(path))?;
        }
        Ok(())
    }

    /// Whether there is such a file.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    /// The file's bytes, `None` when there is none.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, EvidenceError> {
        match fs::read(self.root.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EvidenceError::Io { path: path.into(), source }),
        }
    }

    /// At most `length` bytes of a file from byte `start` on, `None` when there is no such file.
    pub(crate) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Option<Vec<u8>>, EvidenceError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.root.join(path))?;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EvidenceError::Io { path: path.into(), source }),
        }
    }

    /// Deletes a folder with all files in it. A folder that does not exist is deleted already.
    pub(crate) fn remove_folder(&self, path: &str) -> Result<(), EvidenceError> {
        match fs::remove_dir_all(self.root.join(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(EvidenceError::Io { path: path.into(), source: error })
            }
            _ => Ok(()),
        }
    }

    /// Names of the files in a folder, none when it does not exist.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>, EvidenceError> {
        list_names(&self.root.join(folder)).map_err(|source| EvidenceError::Io { path: folder.into(), source })
    }
}

impl TileStore for EvidenceStore {
    type Error = EvidenceError;

    fn read_tile(&self, path: &str) -> Result<Option<Vec<u8>>, EvidenceError> {
        self.read(&format!("log/{path}"))
    }
}

/// Temp file, fsync, rename, fsync of the folder: the order in which a power loss can't leave half a file.
fn replace_durably(target: &Path, bytes: &[u8]) -> io::Result<()> {
    write_temporary(target, bytes)?;
    fs::rename(temporary(target), target)?;
    sync_folder(target)
}

/// What is to get the name `target`, synced under another one.
fn write_temporary(target: &Path, bytes: &[u8]) -> io::Result<()> {
    create_folder_durably(target.parent().ok_or(ErrorKind::InvalidInput)?)?;
    let mut file = File::create(temporary(target))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn temporary(target: &Path) -> PathBuf {
    let mut temporary = target.as_os_str().to_owned();
    temporary.push(".tmp");
    temporary.into()
}

fn sync_folder(target: &Path) -> io::Result<()> {
    File::open(target.parent().ok_or(ErrorKind::InvalidInput)?)?.sync_all()
}

fn create_folder_durably(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_folder_durably(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent)?.sync_all()
}

fn list_names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests;
