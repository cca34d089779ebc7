//! One way to run the engine's tasks: named, tracked, and none fails in silence.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use audit_core::seal::SealError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::db::DbError;
use crate::epochs::JournalFailed;
use crate::evidence::EvidenceError;
use crate::tlog::{Sequencer, TlogError};

/// C2SP witnesses and clients expect a checkpoint a minute when the log grows.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// First and longest wait before a failed step is repeated.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The first reason for which the engine stopped by itself.
#[derive(Clone)]
pub(super) struct Failure {
    first: Arc<Mutex<Option<anyhow::Error>>>,
    stop: CancellationToken,
}

/// How long to wait before a failed step is repeated: longer each time, from the start after a success.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Failure {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { first: Arc::default(), stop }
    }

    /// Runs a task to its end. Its error or panic stops the engine.
    pub(super) fn spawn(
        &self,
        tasks: &TaskTracker,
        name: &'static str,
        task: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let failure = self.clone();
        let running = tokio::spawn(task);
        tasks.spawn(async move {
            let ended = running.await.context("the task panicked").and_then(|result| result);
            if let Err(error) = ended {
                tracing::error!(task = name, "the engine stops: {error:#}");
                failure.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.context(name));
                failure.stop.cancel();
            }
        });
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(super) fn take(&self) -> Result<()> {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Backoff {
    /// Takes a step's result. A failure that time can heal is reported and waited for; one that it can't is returned.
    pub(crate) async fn after(&mut self, step: Result<()>, stop: &CancellationToken) -> Result<()> {
        let Err(error) = step else {
            self.failures = 0;
            return Ok(());
        };
        if is_final(&error) {
            return Err(error);
        }
        let wait = RETRY.0.saturating_mul(1 << self.failures.min(6)).min(RETRY.1);
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(retry_in_ms = wait.as_millis(), "step failed, will be repeated: {error:#}");
        pause(wait, stop).await;
        Ok(())
    }
}

/// Signs a checkpoint each minute if the log grew without one: entries whose integration failed or was cut off.
pub(super) async fn checkpoint_when_grown(sequencer: Sequencer, stop: CancellationToken) -> Result<()> {
    let mut backoff = Backoff::default();
    while pause(CHECKPOINT_EVERY, &stop).await {
        let integrated = sequencer.lock().await.integrate().await;
        backoff.after(integrated.map(drop).map_err(Into::into), &stop).await?;
    }
    Ok(())
}

/// Waits; `false` when the engine is to stop.
pub(crate) async fn pause(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// Whether repeating can't help, because what is stored contradicts itself.
fn is_final(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let log = cause.downcast_ref::<TlogError>().is_some_and(|error| match error {
            TlogError::Db(error) => is_unreadable(error),
            TlogError::Evidence(error) => matches!(error, EvidenceError::Changed(_)),
            TlogError::Aborted(_) => false,
            _ => true,
        });
        let evidence =
            cause.downcast_ref::<EvidenceError>().is_some_and(|error| matches!(error, EvidenceError::Changed(_)));
        let database = cause.downcast_ref::<DbError>().is_some_and(is_unreadable);
        log || evidence || database || cause.is::<SealError>() || cause.is::<JournalFailed>()
    })
}

fn is_unreadable(error: &DbError) -> bool {
    matches!(error, DbError::Unreadable { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_final_and_outages_are_not() {
        let changed = || EvidenceError::Changed("epoch/1/shares".into());
        assert!(is_final(&anyhow::Error::new(changed()).context("sealing")));
        assert!(is_final(&TlogError::Evidence(changed()).into()));
        assert!(is_final(&TlogError::Gaps.into()));
        let outage = || DbError::Sql(sqlx::Error::PoolTimedOut);
        assert!(!is_final(&anyhow::Error::new(outage()).context("opening an epoch")));
        assert!(!is_final(&TlogError::Db(outage()).into()));
        assert!(!is_final(&anyhow::anyhow!("node can't be reached")));
    }

    #[tokio::test]
    async fn a_panicking_task_stops_the_engine() {
        let stop = CancellationToken::new();
        let failure = Failure::new(stop.clone());
        let tasks = TaskTracker::new();
        failure.spawn(&tasks, "epochs", async { panic!("on purpose") });
        tasks.close();
        tasks.wait().await;
        assert!(stop.is_cancelled());
        assert!(failure.take().unwrap_err().to_string().contains("epochs"));
    }
}
