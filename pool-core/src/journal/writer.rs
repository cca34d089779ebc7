//! Writes an epoch's journal: what was decided together goes into the file with one `write(2)`, and is synced soon after.

use std::{
    fs::File,
    io::{self, Write},
    mem,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::fs::{FallocateFlags, fallocate};
use thiserror::Error;
use tokio::{sync::Notify, time::sleep};

use super::JournalTimes;

/// What a power cut can take: DESIGN's group commit.
pub(crate) const SYNC_AFTER: Duration = Duration::from_millis(50);

/// Disk space taken ahead of what is written: a write that needs none seldom waits for a sync that is under way.
const RESERVE: u64 = 8 << 20;

/// The journal can't be written: nothing is acknowledged any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the journal can't be written: see the program log")]
pub(crate) struct JournalFailed;

/// The file of an open epoch. Dropping it lets the syncing task end, after a last sync.
#[derive(Debug)]
pub(crate) struct JournalWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    output: Mutex<Output>,
    /// The same file, for syncing while another thread writes.
    file: File,
    /// Set once. A file that ends in half a frame must not be written to again.
    failure: OnceLock<String>,
    written: Notify,
    ended: AtomicBool,
    times: Arc<JournalTimes>,
    /// Where the reserved space ends. The syncing task alone touches it.
    reserved: AtomicU64,
}

/// Held while writing, so what is taken first is written first.
#[derive(Debug)]
struct Output {
    file: File,
    batch: Vec<u8>,
}

impl JournalWriter {
    /// The writer, and the task to be spawned: it syncs at most [`SYNC_AFTER`] after each write. Its error is why the
    /// journal failed.
    ///
    /// # Errors
    /// The file can't be used twice.
    pub(crate) fn new(
        file: File,
        times: Arc<JournalTimes>,
    ) -> io::Result<(Self, impl Future<Output = Result<(), String>> + Send + 'static)> {
        let output = Mutex::new(Output { file: file.try_clone()?, batch: Vec::new() });
        let (failure, written, ended) = (OnceLock::new(), Notify::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { output, file, failure, written, ended, times, reserved: AtomicU64::new(0) });
        Ok((Self(shared.clone()), sync_what_is_written(shared)))
    }

    /// Writes what `take` puts into the empty buffer it is given. When this returns, that and whatever was taken before,
    /// by any thread, is in the file: a killed process keeps it.
    pub(crate) fn commit(&self, take: impl FnOnce(&mut Vec<u8>)) -> Result<(), JournalFailed> {
        let mut output = self.0.output.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_failed() {
            return Err(JournalFailed);
        }
        take(&mut output.batch);
        if output.batch.is_empty() {
            return Ok(());
        }
        let mut batch = mem::take(&mut output.batch);
        let written = self.0.times.writes.time(|| output.file.write_all(&batch));
        batch.clear();
        output.batch = batch;
        self.0.checked(written)?;
        self.0.written.notify_one();
        Ok(())
    }

    /// Returns when everything committed before survives a power cut. Takes milliseconds: not for a thread that serves.
    pub(crate) fn sync(&self) -> Result<(), JournalFailed> {
        if self.has_failed() { Err(JournalFailed) } else { self.0.sync() }
    }

    /// Whether nothing can be acknowledged any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.failure.get().is_some()
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
        self.0.written.notify_one();
    }
}

impl Shared {
    fn sync(&self) -> Result<(), JournalFailed> {
        self.checked(self.times.syncs.time(|| self.file.sync_data()))
    }

    /// The error is kept in `failure`.
    fn sync_and_keep_error(&self) {
        let _ = self.sync();
    }

    /// Keeps some space ahead of what is written. A file system that can't reserve, or has no more to give, is no failure:
    /// the write that finds no room is.
    fn reserve(&self) {
        let Ok(length) = self.file.metadata().map(|file| file.len()) else { return };
        if length + RESERVE / 2 > self.reserved.load(Ordering::Relaxed) {
            let _ = fallocate(&self.file, FallocateFlags::KEEP_SIZE, length, RESERVE);
            self.reserved.store(length + RESERVE, Ordering::Relaxed);
        }
    }

    /// Gives back what was reserved and not written. Nobody writes any more.
    fn give_back(&self) {
        // What stays reserved costs space only.
        let _ = self.file.metadata().and_then(|file| self.file.set_len(file.len()));
    }

    /// Keeps the first error for the syncing task to report.
    fn checked(&self, done: io::Result<()>) -> Result<(), JournalFailed> {
        done.map_err(|error| {
            let _ = self.failure.set(error.to_string());
            self.written.notify_one();
            JournalFailed
        })
    }
}

async fn sync_what_is_written(shared: Arc<Shared>) -> Result<(), String> {
    loop {
        off_runtime(&shared, Shared::reserve).await;
        shared.written.notified().await;
        let ended = shared.ended.load(Ordering::Acquire);
        if !ended {
            sleep(SYNC_AFTER).await;
        }
        if shared.failure.get().is_none() {
            off_runtime(&shared, Shared::sync_and_keep_error).await;
        }
        if ended {
            off_runtime(&shared, Shared::give_back).await;
        }
        match shared.failure.get() {
            Some(error) => return Err(error.clone()),
            None if ended => return Ok(()),
            None => {}
        }
    }
}

async fn off_runtime(shared: &Arc<Shared>, work: impl FnOnce(&Shared) + Send + 'static) {
    let shared = shared.clone();
    // It can't be cancelled, and a panic is told by the runtime.
    let _ = tokio::task::spawn_blocking(move || work(&shared)).await;
}
