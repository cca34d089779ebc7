//! From a signed checkpoint to what readers see. Without witnesses that is one step of the integration; with them it is a
//! task of its own, so that neither mining nor sequencing ever waits for somebody else's computer.
//!
//! Commit points of [`Shared::publish_pending`], for each signed checkpoint in order of size: 1. witnesses cosign (a crash
//! loses their answers: they are asked again, and cosign the same size again); 2. the kept copy, if it is one, is written
//! with the cosignatures there are, and never changes afterwards (a crash behind it leaves `log/checkpoint` older: the
//! next pass goes on with the newest size); 3. with a quorum `log/checkpoint` is replaced; 4. the policy that asks for the
//! quorum, once something meets it.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result as AnyResult;
use audit_core::checkpoint::Checkpoint;
use audit_core::entry::Entry;
use audit_core::policy::Policy;
use audit_core::tile::checkpoint_path;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::cosign::with_lines;
use super::{Cosigner, Head, Sequencer, Shared, TlogError, lock};
use crate::db::checkpoints::CheckpointRow;
use crate::db::{checkpoints, epochs, log_entries};
use crate::engine::{Backoff, pause};

#[cfg(test)]
mod tests;

/// Ten minutes: what verifiers let clocks differ (docs/LOG.md, log.time).
const TOLERANCE_S: u64 = 600;
/// Rest before a newest checkpoint without quorum is tried again; witnesses that failed rest longer, each by itself.
const RETRY: Duration = Duration::from_secs(1);

/// Whether something signed is still not in `log/checkpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Complete,
    WithoutQuorum,
}

/// How far publication is.
pub(super) struct Publication {
    /// `None`: nobody is asked.
    cosigner: Option<Cosigner>,
    /// Told of every signed checkpoint.
    signed: Notify,
    /// The largest kept copy that is written. They are written in order of size, so those below exist too.
    kept: AtomicU64,
}

impl Publication {
    pub(super) fn new(cosigner: Option<Cosigner>) -> Self {
        Self { cosigner, signed: Notify::new(), kept: AtomicU64::new(0) }
    }

    pub(super) fn cosigner(&self) -> Option<&Cosigner> {
        self.cosigner.as_ref()
    }
}

impl Sequencer {
    /// Publishes what the witnesses cosign, until `stop`. Ends at once without witnesses.
    ///
    /// # Errors
    /// Contradictions in what is stored; outages are waited for.
    pub async fn publish_witnessed(self, stop: CancellationToken) -> AnyResult<()> {
        let Some(cosigner) = self.shared.publication.cosigner() else { return Ok(()) };
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            // Every file is written durably or not at all, so a pass may be cut off anywhere.
            let pass = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                pass = self.shared.publish_pending(cosigner) => pass,
            };
            let is_pending = matches!(pass, Ok(Pass::WithoutQuorum));
            backoff.after(pass.map(drop).map_err(Into::into), &stop).await?;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.publication.signed.notified() => {}
                _ = pause(RETRY, &stop), if is_pending => {}
            }
        }
        Ok(())
    }
}

impl Shared {
    /// One pass over everything that is signed and not public. Called by one task only.
    pub(super) async fn publish_pending(&self, cosigner: &Cosigner) -> Result<Pass, TlogError> {
        let pool = self.database.pool();
        let Some(newest) = checkpoints::last(pool).await? else { return Ok(Pass::Complete) };
        let mut is_tried = false;
        for row in checkpoints::kept_between(pool, self.publication.kept.load(Ordering::Relaxed), newest.size).await? {
            is_tried = row.size == newest.size;
            self.publish_kept_witnessed(cosigner, &row).await?;
        }
        if lock(&self.head).size >= newest.size {
            return Ok(Pass::Complete);
        }
        if !is_tried {
            let cosignatures = cosigner.collect(&self.store, &checkpoint_of(self, &newest), &newest.note).await;
            self.publish_head(cosigner, with_lines(&newest.note, &cosignatures)).await?;
        }
        let is_public = lock(&self.head).size >= newest.size;
        Ok(if is_public { Pass::Complete } else { Pass::WithoutQuorum })
    }

    /// A kept checkpoint: its copy in any case, `log/checkpoint` with a quorum.
    async fn publish_kept_witnessed(&self, cosigner: &Cosigner, row: &CheckpointRow) -> Result<(), TlogError> {
        let mut cosignatures = cosigner.collect(&self.store, &checkpoint_of(self, row), &row.note).await;
        let note = with_lines(&row.note, &cosignatures);
        // A cosignature from long after the claimed time would contradict it, and rightly so; without it the copy says
        // what is true: that nobody timed this boundary.
        let window = self.window_s(row.size).await?;
        cosignatures.retain(|cosignature| window.as_ref().is_none_or(|window| window.contains(&cosignature.time_s)));
        self.publish_kept(row, with_lines(&row.note, &cosignatures)).await?;
        self.publish_head(cosigner, note).await
    }

    /// Replaces `log/checkpoint` when the note meets the quorum.
    async fn publish_head(&self, cosigner: &Cosigner, note: String) -> Result<(), TlogError> {
        let Ok(checkpoint) = cosigner.judge(note.as_bytes()) else { return Ok(()) };
        if checkpoint.size <= lock(&self.head).size {
            return Ok(());
        }
        self.replace("log/checkpoint", note.into_bytes()).await?;
        *lock(&self.head) = Head { size: checkpoint.size, root: checkpoint.root };
        self.write_policy().await
    }

    /// Without witnesses: the kept file first, so that it exists when the newest checkpoint covers it. With them: tells
    /// the task that publishes.
    pub(super) async fn publish(&self, row: &CheckpointRow) -> Result<(), TlogError> {
        if self.publication.cosigner.is_some() {
            self.publication.signed.notify_one();
            return Ok(());
        }
        if lock(&self.head).size >= row.size {
            return Ok(());
        }
        if row.kept {
            self.publish_kept(row, row.note.clone()).await?;
        }
        self.replace("log/checkpoint", row.note.clone().into_bytes()).await?;
        *lock(&self.head) = Head { size: row.size, root: row.root };
        Ok(())
    }

    /// Writes a kept checkpoint, unless there is one: then that stays, with the cosignatures that it has.
    async fn publish_kept(&self, row: &CheckpointRow, note: String) -> Result<(), TlogError> {
        let path = format!("log/{}", checkpoint_path(row.size));
        if let Some(kept) = self.store.read(&path)?
            && Checkpoint::from_note(&kept, &self.key.vkey()) == Ok(checkpoint_of(self, row))
        {
            self.publication.kept.store(row.size, Ordering::Relaxed);
            return Ok(());
        }
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.put(&path, note.as_bytes())).await??;
        self.publication.kept.store(row.size, Ordering::Relaxed);
        Ok(())
    }

    /// Before the first integration: the head that readers see now, and kept copies that a crash left unwritten when there
    /// are no witnesses to ask any more.
    pub(super) async fn resume_publication(&self) -> Result<(), TlogError> {
        let kept = self.store.list("log/checkpoints")?;
        let largest = kept.iter().filter_map(|name| name.parse().ok()).max().unwrap_or(0);
        self.publication.kept.store(largest, Ordering::Relaxed);
        if self.publication.cosigner.is_some() {
            if let Some(note) = self.store.read("log/checkpoint")?
                && let Ok(Checkpoint { size, root, .. }) = Checkpoint::from_note(&note, &self.key.vkey())
            {
                *lock(&self.head) = Head { size, root };
            }
            return Ok(());
        }
        let pool = self.database.pool();
        let newest = checkpoints::last(pool).await?.map_or(0, |row| row.size);
        for row in checkpoints::kept_between(pool, self.publication.kept.load(Ordering::Relaxed), newest).await? {
            self.publish_kept(&row, row.note.clone()).await?;
        }
        Ok(())
    }

    /// `/log/policy`: whom the operator suggests to trust. A quorum is suggested once the published head meets it.
    pub(super) async fn write_policy(&self) -> Result<(), TlogError> {
        let suggested = match self.publication.cosigner() {
            None => Policy::of_log(self.key.vkey()),
            Some(cosigner) => {
                let head = self.store.read("log/checkpoint")?;
                if head.is_some_and(|note| cosigner.judge(&note).is_err()) {
                    return Ok(());
                }
                cosigner.policy().clone()
            }
        };
        let text = suggested.to_string().into_bytes();
        if self.store.read("log/policy")?.as_ref() == Some(&text) {
            return Ok(());
        }
        self.replace("log/policy", text).await
    }

    /// First and last second at which witnesses may cosign the boundary behind the last of `size` entries, so that their
    /// times agree with what the entry says; `None` for an entry without a time.
    async fn window_s(&self, size: u64) -> Result<Option<RangeInclusive<u64>>, TlogError> {
        let pool = self.database.pool();
        let Some(row) = log_entries::range(pool, size.saturating_sub(1), size).await?.pop() else { return Ok(None) };
        Ok(match Entry::from_bytes(&row.entry) {
            Ok(Entry::EpochOpen(open)) => {
                let start_s = open.start_ms / 1_000;
                Some(start_s.saturating_sub(TOLERANCE_S)..=start_s + TOLERANCE_S)
            }
            Ok(Entry::EpochClose(close)) => {
                let next = epochs::get(pool, close.epoch + 1).await?.map(|next| next.start_ms);
                close.end_ms.or(next).map(|end_ms| end_ms / 1_000..=end_ms / 1_000 + TOLERANCE_S)
            }
            _ => None,
        })
    }

    async fn replace(&self, path: &'static str, bytes: Vec<u8>) -> Result<(), TlogError> {
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.replace(path, &bytes)).await??)
    }
}

fn checkpoint_of(shared: &Shared, row: &CheckpointRow) -> Checkpoint {
    Checkpoint { origin: shared.key.origin().into(), size: row.size, root: row.root }
}
