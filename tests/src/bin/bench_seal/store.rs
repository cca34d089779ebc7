//! A log of any size without its terabytes: every old entry is the same one, so every full subtree of a height has the
//! same root, and any old tile can be made up when it is read. What is written goes to disk and is read from there.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use audit_core::hash::Hash32;
use audit_core::merkle::{Frontier, cover, leaf_hash, node_hash};
use audit_core::tile::{TILE_WIDTH, to_bundle};
use audit_core::tile_tree::{TileFile, TileStore};

/// Bytes of an `epoch_close` with some levels: what a log mostly consists of.
const ENTRY_LEN: usize = 600;

/// What was read and written.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) reads: u64,
    pub(super) read_bytes: u64,
    pub(super) writes: u64,
    pub(super) written_bytes: u64,
    /// Time in writing, which is mostly waiting for the disk.
    pub(super) disk: Duration,
}

/// Old tiles made up, new ones in a folder.
pub(super) struct SimulatedStore {
    folder: tempfile::TempDir,
    /// Root of the full subtree of each height.
    roots: Vec<Hash32>,
    counts: Cell<Counts>,
}

impl SimulatedStore {
    pub(super) fn new() -> io::Result<Self> {
        let mut roots = vec![leaf_hash(&entry())];
        for height in 1..64 {
            roots.push(node_hash(&roots[height - 1], &roots[height - 1]));
        }
        Ok(Self { folder: tempfile::tempdir()?, roots, counts: Cell::default() })
    }

    /// Root of the first `size` entries.
    pub(super) fn root(&self, size: u64) -> Hash32 {
        let mut tree = Frontier::new();
        for (height, _) in cover(0, size) {
            tree.push_subtree(height, self.roots[height as usize]);
        }
        tree.root()
    }

    /// The counts since the last call.
    pub(super) fn take_counts(&self) -> Counts {
        self.counts.take()
    }

    /// Writes as the server does: temporary file, fsync, rename, fsync of the folder.
    pub(super) fn write(&self, file: &TileFile) -> io::Result<()> {
        let started = Instant::now();
        let written = self.write_durably(file);
        let mut counts = self.counts.get();
        counts.writes += 1;
        counts.written_bytes += file.bytes.len() as u64;
        counts.disk += started.elapsed();
        self.counts.set(counts);
        written
    }

    fn write_durably(&self, file: &TileFile) -> io::Result<()> {
        let path = self.path(&file.path);
        let folder = path.parent().unwrap_or(self.folder.path());
        fs::create_dir_all(folder)?;
        let temporary = path.with_extension("tmp");
        let mut writer = File::create(&temporary)?;
        writer.write_all(&file.bytes)?;
        writer.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A file of the old tree: its width and level say what is in it.
    fn made_up(&self, path: &str) -> Option<Vec<u8>> {
        let (full, width) = path.split_once(".p/").unwrap_or((path, "256"));
        let width: usize = width.parse().ok().filter(|width| *width <= TILE_WIDTH as usize)?;
        let (level, _) = full.strip_prefix("tile/")?.split_once('/')?;
        if level == "entries" {
            return Some(to_bundle(std::iter::repeat_n(entry().as_slice(), width)));
        }
        let root = self.roots.get(level.parse::<usize>().ok()? * 8)?;
        Some(root.0.repeat(width))
    }
}

impl TileStore for SimulatedStore {
    type Error = io::Error;

    fn read_tile(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match fs::read(self.path(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.made_up(path),
            file => Some(file?),
        };
        let mut counts = self.counts.get();
        counts.reads += 1;
        counts.read_bytes += file.as_ref().map_or(0, Vec::len) as u64;
        self.counts.set(counts);
        Ok(file)
    }
}

/// The one entry of the old tree, and what is appended to it.
pub(super) fn entry() -> Vec<u8> {
    vec![b'x'; ENTRY_LEN]
}
