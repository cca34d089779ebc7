//! The chain's file: magic, nbits, then one frame per block, in order of height from 1.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use audit_core::work::Nbits;

use crate::{durable, frame};

const MAGIC: &[u8; 8] = b"PVHCHN2\n";
const HEAD: usize = MAGIC.len() + 4;
const BLOCK: u8 = 1;

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
