//! A job's transactions on disk while the job can be mined: with the journal they are enough to rebuild a block that a
//! crash kept from being saved.
//!
//! `<epoch>-<job>.template` beside the journals: magic, then one frame. Written soon after the rigs have the job, and in any
//! case before a block that was found on it is in the journal (a killed process keeps it); synced then; deleted when nobody
//! can submit a share of the job any more and every block found on it is saved. What a crash leaves is read at the next
//! start. Trusted: whoever can change it can lose such a block.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;
use tracing::warn;

use crate::{block::BlockBody, frame, node::BlockTemplate};

const MAGIC: &[u8; 8] = b"PVHTPL1\n";
const BODY: u8 = 1;
/// Bytes per `write(2)`.
const BUFFER: usize = 256 << 10;

/// The file of a job of this process. Dropping it hands the path to whoever deletes, unless a found block needs it yet.
#[derive(Debug)]
pub(crate) struct TemplateFile {
    path: PathBuf,
    /// Whether the file is there.
    is_written: Mutex<bool>,
    /// Blocks that were found on the job and are not saved.
    unsaved: AtomicUsize,
    done: mpsc::UnboundedSender<PathBuf>,
}

impl TemplateFile {
    /// Nothing is written yet.
    pub(crate) fn new(path: PathBuf, done: mpsc::UnboundedSender<PathBuf>) -> Self {
        Self { path, is_written: Mutex::new(false), unsaved: AtomicUsize::new(0), done }
    }

    /// Writes the file unless it is there; when this returns it survives a kill. A failed attempt may be repeated.
    pub(crate) fn write(&self, template: &BlockTemplate) -> io::Result<()> {
        let mut is_written = self.is_written.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_written {
            let mut output = BufWriter::with_capacity(BUFFER, File::create(&self.path)?);
            output.write_all(MAGIC)?;
            let head = BlockBody::head_of(template);
            frame::write(&mut output, BODY, [&head[..], &template.transactions.data].into_iter())?;
            output.flush()?;
            *is_written = true;
        }
        Ok(())
    }

    /// Syncs what was written: it survives a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_data()
    }

    /// A block was found on the job.
    pub(crate) fn block_found(&self) {
        self.unsaved.fetch_add(1, Ordering::Relaxed);
    }

    /// A block that was found on the job is saved.
    pub(crate) fn block_saved(&self) {
        self.unsaved.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for TemplateFile {
    fn drop(&mut self) {
        let is_written = *self.is_written.get_mut().unwrap_or_else(PoisonError::into_inner);
        if is_written && self.unsaved.load(Ordering::Relaxed) == 0 {
            // Without a listener the pool has ended: the next start finds the file and needs it no more.
            let _ = self.done.send(std::mem::take(&mut self.path));
        }
    }
}

/// Where the file of a job is.
pub(crate) fn path_of(folder: &Path, epoch: u64, job: u16) -> PathBuf {
    folder.join(format!("{epoch}-{job}.template"))
}

/// The transactions in a file.
pub(crate) fn read(path: &Path) -> io::Result<BlockBody> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let bytes = fs::read(path)?;
    let frames = frame::read(&bytes, MAGIC.len()).map_err(io::Error::other)?;
    let frame = frames.whole.first().filter(|frame| bytes.starts_with(MAGIC) && frame.kind == BODY);
    frame.and_then(|frame| BlockBody::from_bytes(frame.payload)).ok_or_else(damaged)
}

/// The files that are there, by epoch.
pub(crate) fn list(folder: &Path) -> io::Result<BTreeMap<u64, Vec<PathBuf>>> {
    let mut files: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let epoch = name.strip_suffix(".template").and_then(|stem| stem.split_once('-')?.0.parse().ok());
        if let Some(epoch) = epoch {
            files.entry(epoch).or_default().push(path);
        }
    }
    Ok(files)
}

/// Deletes files that were given up, until nobody can give up another one.
pub(crate) async fn delete(mut given_up: mpsc::UnboundedReceiver<PathBuf>) {
    while let Some(path) = given_up.recv().await {
        if let Err(error) = tokio::fs::remove_file(&path).await {
            warn!(path = %path.display(), %error, "a template that is not needed any more stays on disk");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, node::TemplateTransactions};
    use audit_core::hash::BlockHash;

    fn template() -> BlockTemplate {
        let mut template = fixtures::template(0x207f_ffff);
        template.transactions = TemplateTransactions { txids: vec![BlockHash([7; 32])], data: vec![7; 1_000] };
        template
    }

    #[test]
    fn what_is_written_is_read_and_a_torn_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), 7, 3);
        let (done, _listening) = mpsc::unbounded_channel();
        let file = TemplateFile::new(path.clone(), done);
        file.write(&template()).unwrap();
        assert_eq!(read(&path).unwrap(), BlockBody::of(&template()));
        assert_eq!(list(folder.path()).unwrap(), BTreeMap::from([(7, vec![path.clone()])]));
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_file_is_given_up_only_when_its_blocks_are_saved() {
        let folder = tempfile::tempdir().unwrap();
        let (done, mut given_up) = mpsc::unbounded_channel();
        let [quiet, unsaved, saved] = [1, 2, 3].map(|job| {
            let file = TemplateFile::new(path_of(folder.path(), 7, job), done.clone());
            file.write(&template()).unwrap();
            file
        });
        unsaved.block_found();
        saved.block_found();
        saved.block_saved();
        drop((quiet, unsaved, saved));
        drop(TemplateFile::new(path_of(folder.path(), 7, 4), done.clone()));
        let paths: Vec<_> = std::iter::from_fn(|| given_up.try_recv().ok()).collect();
        assert_eq!(paths, [1, 3].map(|job| path_of(folder.path(), 7, job)));
    }
}
