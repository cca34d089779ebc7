//! What a watch remembers: `last.checkpoint` (the newest head seen), `policy` (pinned at the first look), and what it kept as
//! proof.
//!
//! Trusted: whoever can change `last.checkpoint` can make the watch overlook a fork of what came before.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail};
use audit_core::{fork::ForkProof, policy::Policy};

use crate::durable;

const EVERYONE_READS: u32 = 0o644;

/// The folder of one watch. One process at a time has it.
pub(super) struct State {
    folder: PathBuf,
    /// Held while the process lives.
    _lock: File,
}

impl State {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| path.display().to_string())?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.into(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => bail!("another watch runs on {}", folder.display()),
            Err(fs::TryLockError::Error(error)) => Err(error).context("locking the state"),
        }
    }

    /// Path of a file in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The policy that was trusted at the first look.
    pub(super) fn policy(&self) -> Result<Option<Policy>> {
        let Some(bytes) = self.read("policy")? else { return Ok(None) };
        Ok(Some(Policy::parse(bytes).context("the pinned policy")?))
    }

    /// Trusts this policy from now on.
    pub(super) fn pin(&self, policy: &Policy) -> Result<()> {
        self.write("policy", policy.to_string().as_bytes())
    }

    /// The note of the newest head seen.
    pub(super) fn last(&self) -> Result<Option<Vec<u8>>> {
        self.read("last.checkpoint")
    }

    /// From now on every head must continue this one.
    pub(super) fn remember(&self, note: &[u8]) -> Result<()> {
        self.write("last.checkpoint", note)
    }

    /// How long ago a new head was seen last, also over restarts; `None` when none was or the clock went back.
    pub(super) fn since_growth(&self) -> Option<Duration> {
        let changed = fs::metadata(self.path("last.checkpoint")).and_then(|metadata| metadata.modified()).ok()?;
        SystemTime::now().duration_since(changed).ok()
    }

    /// Keeps two notes for others; gives the file.
    pub(super) fn keep(&self, what: &str, old: u64, new: u64, notes: &ForkProof) -> Result<PathBuf> {
        let name = format!("{what}-{old}-{new}.txt");
        self.write(&name, &notes.to_bytes())?;
        Ok(self.path(&name))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        durable::read(&path).with_context(|| path.display().to_string())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        durable::replace(&path, bytes, EVERYONE_READS).with_context(|| path.display().to_string())
    }
}
