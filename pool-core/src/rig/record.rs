//! The rig's own list of acknowledged shares, against which the pool's evidence is checked.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use audit_core::hash::BlockHash;

/// An append-only text file, one header hash a line.
#[derive(Debug)]
pub(super) struct RecordFile(File);

impl RecordFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    /// One `write(2)` a line: a killed rig leaves whole lines.
    pub(super) fn add(&mut self, hash: &BlockHash) -> io::Result<()> {
        self.0.write_all(format!("{hash}\n").as_bytes())
    }
}
