//! What the witness has cosigned last of each log, and the one step in which that is checked, persisted and replaced.
//!
//! Commit points of [`State::add`], all under one lock: 1. the request is judged against the latest checkpoint (a crash
//! leaves nothing); 2. the cosigned note is written, synced, renamed, the folder synced (a crash before leaves the old
//! state and no cosignature; one after leaves the new state, and the log asks again with the new size); 3. memory takes
//! it over; 4. the answer leaves. So no cosignature ever leaves that the state on disk does not hold.
//!
//! Trusted: whoever can put an older `state` back can make this witness cosign a fork.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail};
use audit_core::{
    checkpoint::{Checkpoint, Vkey},
    cosignature::{WitnessKey, of_witness},
    fork::ForkProof,
    hash::Hash32,
    witness::{AddCheckpoint, Refusal},
};

use super::key;
use crate::durable;

/// First line of the state's file; the second is the SHA-256 of the third, which is a JSON list of notes.
const MAGIC: &str = "provenhash-witness/v1";
const EVERYONE_READS: u32 = 0o644;
/// Fork proofs that are kept; whoever has a log's key could else fill the disk.
const FORKS_MAX: usize = 64;

/// The witness's key and memory. One process at a time has it.
pub(super) struct State {
    folder: PathBuf,
    key: WitnessKey,
    logs: Vec<Vkey>,
    latest: Mutex<BTreeMap<String, Latest>>,
    /// Held while the process lives.
    _lock: File,
}

/// The last checkpoint that was cosigned of a log.
#[derive(Clone)]
struct Latest {
    checkpoint: Checkpoint,
    /// Its note with the log's signatures and this witness's.
    note: String,
    /// When it was cosigned, Unix seconds.
    time_s: u64,
}

/// Why nothing was cosigned.
pub(super) enum AddError {
    /// The rules forbid it.
    Refused(Refusal),
    /// The state can't be kept; nothing was promised.
    Unwritable(std::io::Error),
}

impl State {
    /// Opens the state in `folder`, or makes key and empty state in a folder that has neither.
    ///
    /// # Errors
    /// Another process on the folder, half or damaged state, a leaked key, another name than the key's.
    pub(super) fn open(folder: &Path, name: Option<&str>, logs: Vec<Vkey>) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let lock = lock(folder)?;
        let path = folder.join("state");
        let (key, latest) = match (durable::read(&path)?, key::exists(folder)) {
            (None, false) => {
                // The empty state first: a key without state is refused, since its state may have been lost.
                durable::replace(&path, &to_bytes(&BTreeMap::new()), EVERYONE_READS)?;
                (key::create(folder, name)?, BTreeMap::new())
            }
            (Some(bytes), false) => {
                let is_empty = bytes == to_bytes(&BTreeMap::new());
                if !is_empty {
                    bail!("{}: there is state, but no key: restore witness.key from a backup", folder.display());
                }
                (key::create(folder, name)?, BTreeMap::new())
            }
            (None, true) => bail!(
                "{} is missing, but there is a key: this witness has forgotten what it cosigned and must not go on. \
                 Restore the newest state, or start a new witness in another folder",
                path.display()
            ),
            (Some(bytes), true) => {
                let key = key::load(folder)?;
                let latest = parse(&bytes, &key.vkey());
                (key, latest.with_context(|| format!("{} is damaged: restore the newest state", path.display()))?)
            }
        };
        if let Some(name) = name.filter(|name| *name != key.vkey().name()) {
            bail!("--name {name}: the key in {} is called {}", folder.display(), key.vkey().name());
        }
        Ok(Self { folder: folder.into(), key, logs, latest: Mutex::new(latest), _lock: lock })
    }

    /// The witness's public key.
    pub(super) fn vkey(&self) -> Vkey {
        self.key.vkey()
    }

    /// The logs that are followed.
    pub(super) fn logs(&self) -> &[Vkey] {
        &self.logs
    }

    /// Cosigns a checkpoint at `now_s` (Unix seconds) if the rules allow it; gives the signature line. When this returns
    /// a line, the state on disk holds the checkpoint.
    pub(super) fn add(&self, request: &AddCheckpoint, now_s: u64) -> Result<String, AddError> {
        let mut latest = self.lock_latest();
        let known = |origin: &str| latest.get(origin).map(|latest| latest.checkpoint.clone());
        let accepted = request.judge(&self.logs, known).map_err(|refusal| {
            self.keep_fork(request, &latest);
            AddError::Refused(refusal)
        })?;
        let line = self.key.cosign(&accepted.text, now_s);
        let origin = accepted.checkpoint.origin.clone();
        let same = |latest: &Latest| latest.checkpoint == accepted.checkpoint && latest.time_s == now_s;
        if latest.get(&origin).is_some_and(same) {
            // Asked again within the second: the same line, and no reason to write. So replays don't wear the disk.
            return Ok(line);
        }
        let note = format!("{}{line}", String::from_utf8_lossy(&accepted.note));
        let mut next = latest.clone();
        next.insert(origin, Latest { checkpoint: accepted.checkpoint, note, time_s: now_s });
        durable::replace(&self.folder.join("state"), &to_bytes(&next), EVERYONE_READS).map_err(AddError::Unwritable)?;
        *latest = next;
        Ok(line)
    }

    /// The last cosigned note of a log, for who watches.
    pub(super) fn latest_note(&self, origin: &str) -> Option<String> {
        self.lock_latest().get(origin).map(|latest| latest.note.clone())
    }

    /// The size of the last cosigned checkpoint of a log.
    pub(super) fn latest_size(&self, origin: &str) -> u64 {
        self.lock_latest().get(origin).map_or(0, |latest| latest.checkpoint.size)
    }

    /// A log that signs another root for the size that was cosigned is caught: both notes are a proof of it.
    fn keep_fork(&self, request: &AddCheckpoint, latest: &BTreeMap<String, Latest>) {
        let of_origin = |log: &Vkey| {
            let found = Checkpoint::from_note(&request.note, log).ok()?;
            let known = latest.get(&found.origin)?;
            let differs = known.checkpoint.size == found.size && known.checkpoint.root != found.root;
            differs.then(|| (found.size, known.note.clone()))
        };
        let Some((size, known)) = self.logs.iter().find_map(of_origin) else { return };
        let proof = ForkProof { first: known.into_bytes(), second: request.note.clone(), past: None }.to_bytes();
        let name = format!("fork-{size}-{}.txt", &Hash32::of(&proof).to_string()[..16]);
        let path = self.folder.join(&name);
        let kept = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let forks = kept.filter(|entry| entry.file_name().to_string_lossy().starts_with("fork-")).count();
        if path.exists() || forks >= FORKS_MAX {
            return;
        }
        match durable::replace(&path, &proof, EVERYONE_READS) {
            Ok(()) => eprintln!("FORK: a log signed two roots for size {size}; the proof is {}", path.display()),
            Err(error) => eprintln!("FORK: a log signed two roots for size {size}; keeping the proof failed: {error}"),
        }
    }

    /// A panic while the lock is held can't leave the map half-changed: it is replaced as a whole.
    fn lock_latest(&self) -> MutexGuard<'_, BTreeMap<String, Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!("another witness runs on {}: two on one state would cosign against each other", folder.display())
        }
        Err(fs::TryLockError::Error(error)) => Err(error).context("locking the state"),
    }
}

fn to_bytes(latest: &BTreeMap<String, Latest>) -> Vec<u8> {
    let notes: Vec<&str> = latest.values().map(|latest| latest.note.as_str()).collect();
    let notes = serde_json::json!(notes).to_string();
    format!("{MAGIC}\n{}\n{notes}\n", Hash32::of(notes.as_bytes())).into_bytes()
}

/// `None` for anything that this witness did not write: also a note without its own, valid cosignature.
fn parse(bytes: &[u8], vkey: &Vkey) -> Option<BTreeMap<String, Latest>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let lines: Vec<&str> = text.split('\n').collect();
    let [MAGIC, hash, notes] = lines[..] else { return None };
    if Hash32::of(notes.as_bytes()).to_string() != hash {
        return None;
    }
    let mut latest = BTreeMap::new();
    for note in serde_json::from_str::<Vec<String>>(notes).ok()? {
        let (body, signatures) = note.rsplit_once("\n\n")?;
        let body = format!("{body}\n");
        let checkpoint = Checkpoint::parse(&body).ok()?;
        let (_, time_s) = of_witness(signatures, vkey, body.as_bytes())?;
        let origin = checkpoint.origin.clone();
        if latest.insert(origin, Latest { checkpoint, note, time_s }).is_some() {
            return None;
        }
    }
    Some(latest)
}
