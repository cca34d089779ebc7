//! The log's private key: 32 bytes of Ed25519 seed as hex in `<data>/log.key`, readable by the owner only.
//!
//! Trusted: whoever has this file can sign checkpoints in the operator's name, and so a second view of the log.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use audit_core::checkpoint::LogKey;
use thiserror::Error;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The key's file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Not what this program writes.
    #[error("{0} is no key: expected 64 hex digits and a line end. Restore it from a backup")]
    Malformed(PathBuf),
    /// Others may read it.
    #[error("{0} can be read by others than its owner: chmod 600 it, and consider the log's key as leaked")]
    Readable(PathBuf),
    /// There is a log but no key.
    #[error(
        "{0} is missing, but the log has entries signed with it. Restore the file from a backup; without it this log \
         can't go on"
    )]
    Missing(PathBuf),
}

/// Reads a 32-byte secret from `path`, or creates it (0600, durable before it is used) when `may_create`.
///
/// # Errors
/// See [`KeyError`]; the messages never contain the secret.
pub fn load_or_create_seed(path: &Path, may_create: bool) -> Result<[u8; 32], KeyError> {
    match read_seed(path) {
        Err(KeyError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    if !may_create {
        return Err(KeyError::Missing(path.into()));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io_error(path)(io::Error::other(error.to_string())))?;
    write_seed(path, &seed).map_err(io_error(path))?;
    Ok(seed)
}

/// The log's key from `path`; a fresh one when the log has no entries yet.
///
/// # Errors
/// See [`KeyError`].
pub fn load_or_create_key(path: &Path, origin: &str, log_is_empty: bool) -> Result<LogKey, KeyError> {
    Ok(LogKey::new(origin, &load_or_create_seed(path, log_is_empty)?))
}

fn read_seed(path: &Path) -> Result<[u8; 32], KeyError> {
    let mut file = File::open(path).map_err(io_error(path))?;
    let mode = file.metadata().map_err(io_error(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::Readable(path.into()));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io_error(path))?;
    let bytes = text.strip_suffix('\n').and_then(|text| hex::decode(text).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| KeyError::Malformed(path.into()))
}

/// Written under another name first: a crash must not leave half a key that the next start refuses.
fn write_seed(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension("key.tmp");
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{}", hex::encode(seed))?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_created_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        let first = load_or_create_key(&path, "log.example", true).unwrap().vkey();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(load_or_create_key(&path, "log.example", false).unwrap().vkey(), first);
    }

    #[test]
    fn a_lost_or_leaked_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        let missing = load_or_create_key(&path, "log.example", false).unwrap_err();
        assert!(matches!(missing, KeyError::Missing(_)));
        load_or_create_key(&path, "log.example", true).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let leaked = load_or_create_key(&path, "log.example", false).unwrap_err();
        assert!(matches!(leaked, KeyError::Readable(_)));
    }

    #[test]
    fn a_damaged_key_is_refused_without_being_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        load_or_create_key(&path, "log.example", true).unwrap();
        std::fs::write(&path, "secret").unwrap();
        let error = load_or_create_key(&path, "log.example", false).unwrap_err();
        assert!(matches!(error, KeyError::Malformed(_)));
        assert!(!error.to_string().contains("secret"));
    }
}
