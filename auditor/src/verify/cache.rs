//! The file of `--resume`: results of tasks that held, so that an audit that was interrupted goes on.
//!
//! Text that only grows: a line that names format and version, then for each result `<SHA-256 of the task's JSON> <JSON>`.
//! A line is one write, so whatever ends the process leaves at most the last line torn; it is cut off at the next start.
//! Trusted: whoever can change the file can make the audit skip what it should recompute.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail};
use audit_core::{
    audit::{CountTask, Counted},
    hash::Hash32,
};

/// The first line. Another version may count by other rules.
const HEAD: &str = concat!("provenhash-audit ", env!("CARGO_PKG_VERSION"), " counted\n");

/// Results by their task.
pub(crate) struct Cache(Mutex<Kept>);

struct Kept {
    file: File,
    /// Where each result's JSON is, and how long it is.
    places: HashMap<Hash32, (u64, usize)>,
    end: u64,
}

impl Cache {
    /// Opens the file or makes it, and locks it.
    ///
    /// # Errors
    /// A file of something else or of another version; one that another audit is writing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let named = || format!("--resume {}", path.display());
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.with_context(named)?;
        file.try_lock().with_context(|| format!("{}: another audit is writing it", named()))?;
        let kept = Kept::read(file).with_context(named)?;
        Ok(Self(Mutex::new(kept)))
    }

    /// The result of a task, if it is kept and can be read.
    pub(super) fn get(&self, task: &CountTask) -> Option<Counted> {
        let mut kept = self.locked();
        let (start, length) = *kept.places.get(&key(task))?;
        kept.file.seek(SeekFrom::Start(start)).ok()?;
        let mut json = vec![0; length];
        kept.file.read_exact(&mut json).ok()?;
        Counted::from_json(std::str::from_utf8(&json).ok()?).ok()
    }

    /// Keeps a result. One that can't be written will be computed again.
    pub(super) fn put(&self, task: &CountTask, counted: &Counted) {
        let (key, json) = (key(task), counted.to_json());
        let mut kept = self.locked();
        let line = format!("{key} {json}\n");
        let end = kept.end;
        let written = kept.file.seek(SeekFrom::Start(end)).and_then(|_| kept.file.write_all(line.as_bytes()));
        if written.is_ok() {
            let start = end + (line.len() - json.len() - 1) as u64;
            kept.places.insert(key, (start, json.len()));
            kept.end = end + line.len() as u64;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn read(file: File) -> Result<Self> {
        let mut kept = Self { file, places: HashMap::new(), end: 0 };
        let mut lines = BufReader::new(&kept.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            lines.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            if kept.end == 0 {
                if line != HEAD.as_bytes() {
                    bail!("not a file of this version's --resume");
                }
            } else {
                let name = line.get(..64).and_then(|name| std::str::from_utf8(name).ok());
                let name = name.and_then(|name| name.parse::<Hash32>().ok()).filter(|_| line.get(64) == Some(&b' '));
                let name = name.with_context(|| format!("at byte {}: not a result", kept.end))?;
                kept.places.insert(name, (kept.end + 65, line.len() - 66));
            }
            kept.end += line.len() as u64;
        }
        if kept.end == 0 && !HEAD.as_bytes().starts_with(&line) {
            bail!("not a file of this version's --resume");
        }
        kept.file.set_len(kept.end)?;
        if kept.end == 0 {
            kept.file.seek(SeekFrom::Start(0))?;
            kept.file.write_all(HEAD.as_bytes())?;
            kept.end = HEAD.len() as u64;
        }
        Ok(kept)
    }
}

fn key(task: &CountTask) -> Hash32 {
    Hash32::of(task.to_json().as_bytes())
}
