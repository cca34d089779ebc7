//! The one task that writes an epoch's journal.

use std::{
    fs::File,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::Record;

/// What a power cut can take: DESIGN's group commit.
const SYNC_AFTER: Duration = Duration::from_millis(50);
/// Appends waiting for the writer. When it is full, sessions wait: back-pressure instead of loss.
const QUEUE: usize = 4_096;
/// Appends per `write(2)`.
const BATCH: usize = 1_024;

/// The writer has failed or ended: nothing is acknowledged any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the journal can't be written: see the program log")]
pub(crate) struct WriterGone;

/// Hands records to the writing task. The task ends, after a last sync, when every clone is gone.
#[derive(Debug, Clone)]
pub(crate) struct JournalWriter {
    queue: mpsc::Sender<Append>,
}

/// A place in the queue, held while the order of records is being decided.
pub(crate) struct Slot<'a>(mpsc::Permit<'a, Append>);

/// Waits for one append.
pub(crate) struct Written(oneshot::Receiver<()>);

#[derive(Debug)]
struct Append {
    bytes: Vec<u8>,
    synced: bool,
    done: oneshot::Sender<()>,
}

impl JournalWriter {
    /// The handle, and the task to be spawned. The task's error is the writer's end; it has then told nobody "done".
    pub(crate) fn new(file: File) -> (Self, impl Future<Output = io::Result<()>> + Send + 'static) {
        let (queue, appends) = mpsc::channel(QUEUE);
        (Self { queue }, write(Arc::new(file), appends))
    }

    /// Waits for a place. Records of one slot lie next to each other; slots are written in the order of their
    /// [`Slot::append`].
    pub(crate) async fn slot(&self) -> Result<Slot<'_>, WriterGone> {
        self.queue.reserve().await.map(Slot).map_err(|_| WriterGone)
    }

    /// Returns when everything appended before is synced.
    pub(crate) async fn sync(&self) -> Result<(), WriterGone> {
        self.slot().await?.send(&[], true).done().await
    }
}

impl Slot<'_> {
    /// Queues the records. Does not wait, so it may be called under a lock.
    pub(crate) fn append(self, records: &[Record]) -> Written {
        self.send(records, false)
    }

    fn send(self, records: &[Record], synced: bool) -> Written {
        let (done, written) = oneshot::channel();
        let mut bytes = Vec::new();
        records.iter().for_each(|record| record.push(&mut bytes));
        self.0.send(Append { bytes, synced, done });
        Written(written)
    }
}

impl Written {
    /// Returns when the records are in the file: a killed process keeps them.
    pub(crate) async fn done(self) -> Result<(), WriterGone> {
        self.0.await.map_err(|_| WriterGone)
    }
}

async fn write(file: Arc<File>, mut appends: mpsc::Receiver<Append>) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut sync_at: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(sync_at.unwrap_or_else(Instant::now)), if sync_at.is_some() => {
                sync(&file).await?;
                sync_at = None;
            }
            count = appends.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return sync(&file).await;
                }
                // Into the page cache: microseconds, so it need not leave this task.
                (&*file).write_all(&batch.iter().flat_map(|append| &append.bytes).copied().collect::<Vec<u8>>())?;
                if batch.iter().any(|append| append.synced) {
                    sync(&file).await?;
                    sync_at = None;
                } else {
                    sync_at = sync_at.or_else(|| Some(Instant::now() + SYNC_AFTER));
                }
                for append in batch.drain(..) {
                    // A session that has gone meanwhile needs no answer.
                    let _ = append.done.send(());
                }
            }
        }
    }
}

async fn sync(file: &Arc<File>) -> io::Result<()> {
    let file = file.clone();
    tokio::task::spawn_blocking(move || file.sync_data()).await.map_err(io::Error::other)?
}
