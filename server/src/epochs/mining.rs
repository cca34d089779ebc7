//! The real pool behind the loop of epochs.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use audit_core::epoch::EpochMaterial;
use pool_core::{EpochStart, JournalError, Pool, PoolError};

use super::Mining;

/// Shared with whoever reads the pool's counters, for moments only.
#[async_trait]
impl Mining for Arc<Pool> {
    async fn open_epoch(&self, start: EpochStart) -> Result<()> {
        Ok(Pool::open_epoch(self, start).await?)
    }

    async fn close_epoch(&self, start: &EpochStart) -> Result<EpochMaterial> {
        match Pool::close_epoch(self, start.epoch).await {
            Err(PoolError::Journal(JournalError::NotOpened(_))) => Ok(without_shares(start)),
            other => Ok(other?),
        }
    }

    async fn join(self: Box<Self>) {
        let mut shared = *self;
        loop {
            match Arc::try_unwrap(shared) {
                Ok(pool) => return pool.join().await,
                Err(still_read) => shared = still_read,
            }
            tokio::task::yield_now().await;
        }
    }
}

/// An epoch that no rig ever saw a job of.
fn without_shares(start: &EpochStart) -> EpochMaterial {
    EpochMaterial {
        epoch: start.epoch,
        start_ms: start.start_ms,
        origin: start.origin.clone(),
        tree_size: start.tree_size,
        root: start.root,
        jobs: Vec::new(),
        levels: Vec::new(),
        sessions: Vec::new(),
        shares: Vec::new(),
        rejects: Vec::new(),
    }
}
