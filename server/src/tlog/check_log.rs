//! The whole log, looked at once more: every entry hashed, every tile, bundle and checkpoint compared. O(n), for a person
//! who asks for it; a start looks at the tree's edge only (`start`).

use audit_core::checkpoint::{Checkpoint, Vkey};
use audit_core::entry::Entry;
use audit_core::hash::Hash32;
use audit_core::tile::{checkpoint_path, full_path, narrowed};
use audit_core::tile_tree::{Edge, TileFile};

use super::TlogError;
use super::integrate::PAGE;
use super::kind::{ends_a_kept_checkpoint, kind};
use crate::db::log_entries::LogEntryRow;
use crate::db::{Database, checkpoints, log_entries};
use crate::evidence::EvidenceStore;

/// Faults that are described; more are only counted.
const DESCRIBED: usize = 100;

/// What a check of the whole log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCheck {
    /// Entries under the published checkpoint.
    pub size: u64,
    /// Files compared.
    pub files: u64,
    /// The first 100 things that are wrong, in order of the log.
    pub faults: Vec<LogFault>,
    /// How many things are wrong.
    pub fault_count: u64,
    /// Files that were missing and have been written again.
    pub restored: Vec<String>,
}

/// Something in the log that is not as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFault {
    /// File or row.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

/// Compares everything under the published checkpoint. Reads only, unless `restore`: then files that are missing are
/// written again; nothing that exists is ever changed. Safe beside a running server.
///
/// # Errors
/// What keeps the check from going on; what is wrong with the log is in the result.
pub async fn check_log(
    database: &Database,
    store: &EvidenceStore,
    vkey: &Vkey,
    restore: bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<LogCheck, TlogError> {
    let mut check = Check { store, vkey, restore, edge: Edge::new(), result: LogCheck::default() };
    let Some(newest) = check.checkpoint("log/checkpoint")? else { return Ok(check.result) };
    check.result.size = newest.size;
    let pool = database.pool();
    while check.edge.size() < newest.size {
        let (from, end) = (check.edge.size(), newest.size.min(check.edge.size() + PAGE));
        let rows = log_entries::range(pool, from, end).await?;
        let mut signed = checkpoints::range(pool, from + 1, end + 1).await?.into_iter().peekable();
        for row in rows {
            if !check.entry(&row)? {
                return Ok(check.result);
            }
            while let Some(row) = signed.next_if(|row| row.size <= check.edge.size()) {
                let place = format!("table checkpoints, size {}", row.size);
                check.root(&place, row.root);
            }
        }
        if check.edge.size() < end {
            check.fault(format!("table log_entries, leaf index {}", check.edge.size()), "the row is missing");
            return Ok(check.result);
        }
        progress(end, newest.size);
    }
    for file in check.edge.partial_files(0) {
        check.file(&file)?;
    }
    check.root("log/checkpoint", newest.root);
    check.last_row(checkpoints::last(pool).await?.map_or(0, |row| row.size), newest.size);
    Ok(check.result)
}

impl std::fmt::Display for LogFault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// A check under way: the tree of the entries so far.
struct Check<'a> {
    store: &'a EvidenceStore,
    vkey: &'a Vkey,
    restore: bool,
    edge: Edge,
    result: LogCheck,
}

impl Check<'_> {
    /// Whether the next entry follows on the last one; its files are compared.
    fn entry(&mut self, row: &LogEntryRow) -> Result<bool, TlogError> {
        let place = format!("table log_entries, leaf index {}", row.leaf_index);
        if row.leaf_index != self.edge.size() {
            self.fault(format!("table log_entries, leaf index {}", self.edge.size()), "the row is missing");
            return Ok(false);
        }
        match Entry::from_bytes(&row.entry) {
            Ok(entry) if kind(&entry) == row.kind => {}
            Ok(entry) => self.fault(place, format!("its kind is {}, the entry's is {}", row.kind, kind(&entry))),
            Err(error) => self.fault(place, error.to_string()),
        }
        for file in self.edge.push(&row.entry) {
            self.file(&file)?;
        }
        if ends_a_kept_checkpoint(&row.kind) {
            let path = format!("log/{}", checkpoint_path(self.edge.size()));
            if let Some(kept) = self.checkpoint(&path)? {
                self.root(&path, kept.root);
            }
        }
        Ok(true)
    }

    /// A file has the bytes that the entries give; a partial one may have been replaced by the full one.
    fn file(&mut self, expected: &TileFile) -> Result<(), TlogError> {
        self.result.files += 1;
        let path = format!("log/{}", expected.path);
        let found = match self.store.read(&path)? {
            Some(found) => Some(found),
            None => {
                let full = self.store.read(full_path(&path))?;
                full.and_then(|full| narrowed(&path, &full).map(<[u8]>::to_vec))
            }
        };
        match found {
            Some(found) if found == expected.bytes => {}
            Some(_) => self.fault(path, "other bytes than the entries of the database give"),
            None if self.restore => {
                self.store.put(&path, &expected.bytes)?;
                self.result.restored.push(path);
            }
            None => self.fault(path, "missing"),
        }
        Ok(())
    }

    /// The checkpoint in a file; one that is missing or not of this log is a fault.
    fn checkpoint(&mut self, path: &str) -> Result<Option<Checkpoint>, TlogError> {
        self.result.files += 1;
        let Some(note) = self.store.read(path)? else {
            self.fault(path.to_owned(), "missing");
            return Ok(None);
        };
        match Checkpoint::from_note(&note, self.vkey) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(error) => {
                self.fault(path.to_owned(), error.to_string());
                Ok(None)
            }
        }
    }

    fn root(&mut self, place: &str, signed: Hash32) {
        let (size, computed) = (self.edge.size(), self.edge.root());
        if signed != computed {
            self.fault(place.to_owned(), format!("root {signed}, but the first {size} entries give {computed}"));
        }
    }

    fn last_row(&mut self, found: u64, published: u64) {
        if found < published {
            let what = format!("the newest row has size {found}, but {published} is published: rows were deleted");
            self.fault("table checkpoints".into(), what);
        }
    }

    fn fault(&mut self, place: String, what: impl Into<String>) {
        self.result.fault_count += 1;
        if self.result.faults.len() < DESCRIBED {
            self.result.faults.push(LogFault { place, what: what.into() });
        }
    }
}
