//! Liabilities: once a day the log states what is owed to each contract, and the coins that back it.
//!
//! Out of scope: the arithmetic (`audit_core::liabilities`), how payouts come about (`crate::payouts`).

use std::time::Duration;

use anyhow::{Context, Result};
use audit_core::allocation::operator_id;
use audit_core::entry::{self, Entry};
use audit_core::liabilities::{Balances, LiabilitiesFile};
use tokio_util::sync::CancellationToken;

use crate::clock::now_ms;
use crate::db::liabilities::LiabilitiesRow;
use crate::db::{Database, accruals, liabilities, lives, payouts, settlements};
use crate::engine::{Backoff, pause};
use crate::evidence::EvidenceStore;
use crate::tlog::{Sequencer, SequencerGuard};

#[cfg(test)]
mod tests;

/// How often it is looked whether a list is due. A list that is late by this much is far from overdue.
const POLL: Duration = Duration::from_secs(2);

/// The task that lists what is owed.
#[derive(Clone)]
pub(crate) struct Liabilities {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
    /// Time from one list to the next.
    pub every: Duration,
}

impl Liabilities {
    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// A contradiction in what is stored; see `crate::engine`.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        while pause(POLL.min(self.every), &stop).await {
            backoff.after(self.list_if_due().await, &stop).await?;
        }
        Ok(())
    }

    /// Logs a list when the last one is old enough, or when there is none and something was settled.
    ///
    /// # Errors
    /// Database, log, or file system.
    pub(crate) async fn list_if_due(&self) -> Result<()> {
        if self.is_due().await? { self.list().await } else { Ok(()) }
    }

    async fn is_due(&self) -> Result<bool> {
        let pool = self.database.pool();
        match liabilities::last(pool, u64::MAX).await? {
            Some(last) => Ok(u128::from(now_ms().saturating_sub(last.at_ms)) >= self.every.as_millis()),
            None => {
                let by_time = accruals::count(pool).await?;
                Ok(settlements::count(pool).await? + by_time + lives::count(pool).await? > 0)
            }
        }
    }

    /// Logs a list of what is owed now. All of it happens under the log's lock, so nothing is credited between the sums
    /// and the entry. Commit points: 1. the file (a crash leaves one that no entry names; the next attempt writes it anew,
    /// with what is owed by then); 2. entry and row in one transaction; 3. integration, which the next start repeats.
    async fn list(&self) -> Result<()> {
        let guard = self.sequencer.lock().await;
        let (entry, file) = self.prepare().await?;
        self.put_file(&file).await?;
        self.log(&guard, entry).await?;
        guard.integrate().await?;
        tracing::info!(
            liabilities = entry.liabilities,
            balances = entry.balances.count,
            balances_sats = entry.balances.total_sats.get(),
            coins_sats = entry.coins.total_sats.get(),
            "liabilities listed"
        );
        Ok(())
    }

    async fn prepare(&self) -> Result<(entry::Liabilities, LiabilitiesFile)> {
        let pool = self.database.pool();
        let last = liabilities::last(pool, u64::MAX).await?;
        let number = last.map_or(1, |last| last.liabilities + 1);
        let mut balances = Balances::new(operator_id(self.sequencer.origin()));
        for credit in liabilities::credited(pool).await? {
            balances.credit(&credit).context("more is owed than there are satoshis")?;
        }
        for (id, paid) in payouts::all_paid(pool).await? {
            balances.pay(&id, paid)?;
        }
        let coins = liabilities::matured_coins(pool, u64::MAX, u64::MAX).await?;
        let file = LiabilitiesFile::new(number, balances.list(), coins);
        let entry = entry::Liabilities {
            liabilities: number,
            at_ms: last.map_or(0, |last| last.at_ms + 1).max(now_ms()),
            settlement: settlements::count(pool).await?,
            balances: file.balances_root()?,
            coins: file.coins_root()?,
        };
        Ok((entry, file))
    }

    /// The number is not logged yet, so nobody relies on what the file held.
    async fn put_file(&self, file: &LiabilitiesFile) -> Result<()> {
        let (path, bytes, store) = (LiabilitiesFile::path(file.liabilities), file.to_bytes(), self.store.clone());
        Ok(tokio::task::spawn_blocking(move || store.replace(&path, &bytes)).await??)
    }

    async fn log(&self, guard: &SequencerGuard, entry: entry::Liabilities) -> Result<()> {
        let mut tx = self.database.begin().await?;
        let entry_index = guard.append(&mut tx, &[Entry::Liabilities(entry)]).await?;
        liabilities::insert(&mut tx, &row(&entry, entry_index)).await?;
        Ok(tx.commit().await?)
    }
}

fn row(entry: &entry::Liabilities, entry_index: u64) -> LiabilitiesRow {
    LiabilitiesRow {
        liabilities: entry.liabilities,
        entry_index,
        at_ms: entry.at_ms,
        settlement: entry.settlement,
        balance_count: entry.balances.count,
        balances: entry.balances.total_sats,
        coin_count: entry.coins.count,
        coins: entry.coins.total_sats,
    }
}
