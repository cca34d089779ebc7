//! The chain's files: `blocks` (magic, nbits, then one frame per block, in order of height from 1) and `mempool` (a frame
//! for each transaction that waits, parents first).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use audit_core::work::Nbits;

use crate::{durable, frame};

const MAGIC: &[u8; 8] = b"PVHCHN2\n";
const HEAD: usize = MAGIC.len() + 4;
const BLOCK: u8 = 1;
const TRANSACTION: u8 = 2;

/// The open file. Appends are whole or, after a crash, absent.
#[derive(Debug)]
pub(super) struct BlockFile {
    file: File,
    end: u64,
}

impl BlockFile {
    /// Opens or makes `blocks` in `folder`, cuts a torn tail, returns the blocks.
    pub(super) fn open(folder: &Path, nbits: Nbits) -> io::Result<(Self, Vec<Vec<u8>>)> {
        fs::create_dir_all(folder)?;
        let path = folder.join("blocks");
        let head = [&MAGIC[..], &nbits.get().to_be_bytes()].concat();
        if !path.exists() {
            durable::replace(&path, &head)?;
        }
        let bytes = fs::read(&path)?;
        if bytes.get(..HEAD) != Some(&head[..]) {
            let text = format!("{} is no chain with nbits {nbits}: use another folder", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let frames = frame::read(&bytes, HEAD).map_err(|damage| io::Error::new(io::ErrorKind::InvalidData, damage))?;
        let blocks = frames.whole.iter().map(|frame| frame.payload.to_vec()).collect();
        let file = OpenOptions::new().append(true).open(&path)?;
        file.set_len(frames.end as u64)?;
        Ok((Self { file, end: frames.end as u64 }, blocks))
    }

    /// Appends and syncs. What a failed append left is cut, so that the next one starts behind a whole frame.
    pub(super) fn append(&mut self, block: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(block.len() + 9);
        frame::push(&mut bytes, BLOCK, block);
        if let Err(error) = self.file.write_all(&bytes).and_then(|()| self.file.sync_data()) {
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// What waits for a block, over restarts.
#[derive(Debug)]
pub(super) struct MempoolFile(PathBuf);

impl MempoolFile {
    /// Opens `mempool` in `folder`; its transactions.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let path = folder.join("mempool");
        let bytes = if path.exists() { fs::read(&path)? } else { Vec::new() };
        let frames = frame::read(&bytes, 0).map_err(|damage| io::Error::new(io::ErrorKind::InvalidData, damage))?;
        let transactions = frames.whole.iter().map(|frame| frame.payload.to_vec()).collect();
        Ok((Self(path), transactions))
    }

    /// A crash leaves the old file or the new one.
    pub(super) fn replace(&self, transactions: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        let mut bytes = Vec::new();
        transactions.for_each(|transaction| frame::push(&mut bytes, TRANSACTION, &transaction));
        durable::replace(&self.0, &bytes)
    }
}
