//! Accruals: contracts that are paid by time (PPS and FPPS) are credited at the price of each epoch, in the log, in the file
//! and in the ledger alike.
//!
//! Out of scope: the arithmetic (`audit_core::accrual`), payouts.

use anyhow::{Context, Result, ensure};
use audit_core::accrual::{AccrualFile, Accrued, accrue};
use audit_core::chain::Network;
use audit_core::entry::{Accrual, Entry};
use audit_core::scheme::{Price, Worth};

use crate::clock::now_ms;
use crate::db::{Database, accruals, epochs, ledger};
use crate::evidence::EvidenceStore;
use crate::sealing::read_allocation;
use crate::settlement::terms_of_contracts;
use crate::tlog::Sequencer;

pub(crate) mod postings;
pub(crate) mod price;
mod terms;

/// Credits what is paid by time.
#[derive(Clone)]
pub(crate) struct Accruer {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
    pub network: Network,
}

impl Accruer {
    /// Makes every accrual whose period is over and in which something is paid by time, in order.
    ///
    /// # Errors
    /// Database, log, or evidence that is missing.
    pub(crate) async fn accrue_all(&self) -> Result<()> {
        while self.accrue_next().await? {}
        Ok(())
    }

    /// Makes the next accrual; `false` when none is due. Commit points: 1. the file (a crash leaves it unnamed; it is written
    /// again with the same bytes, since a period's inputs are final); 2. entry, credits and postings in one transaction;
    /// 3. integration, which the next start repeats.
    async fn accrue_next(&self) -> Result<bool> {
        let Some((entry, accrued)) = self.prepare().await? else { return Ok(false) };
        self.post(&entry, &accrued).await?;
        tracing::info!(
            accrual = entry.accrual,
            from_epoch = entry.from_epoch,
            to_epoch = entry.to_epoch,
            gross_sats = entry.gross_sats.get(),
            credits = accrued.credits.len(),
            "accrued"
        );
        Ok(true)
    }

    /// Computes the next accrual and writes its file; `None` when none is due.
    async fn prepare(&self) -> Result<Option<(Accrual, Accrued)>> {
        let pool = self.database.pool();
        let by_time = terms::by_time(&mut *pool.acquire().await?).await?;
        if by_time.is_empty() {
            return Ok(None);
        }
        let every = price::accrual_epochs(&mut *pool.acquire().await?).await?;
        let every = every.context("a log begins with a manifest")?;
        let last = accruals::last(pool).await?;
        let after = last.map_or(0, |last| last.to_epoch);
        let Some(first) = accruals::first_epoch_of_terms(pool, &by_time, after).await? else { return Ok(None) };
        let number = first.div_ceil(every);
        let rows = epochs::closed_between(pool, (number - 1) * every + 1, number * every).await?;
        if (rows.len() as u64) < every {
            return Ok(None);
        }
        let terms = terms_of_contracts(pool).await?;
        let mut worth = Worth::default();
        for row in &rows {
            let price = epochs::price(pool, row.epoch).await?;
            let price = price.with_context(|| format!("epoch {} has no price", row.epoch))?;
            let price = Price::of(self.network, price.height, price.nbits, price.fees_ppm);
            let price = price.with_context(|| format!("the price of epoch {} is none", row.epoch))?;
            let work = row.close.as_ref().map(|close| close.work).unwrap_or_default();
            worth.add_epoch(&read_allocation(&self.store, row)?, work, &price, &terms)?;
        }
        ensure!(!worth.is_empty(), "accrual {number} has nothing that is paid by time");
        let accrued = accrue(&worth, &terms)?;
        self.put_file(number, &accrued).await?;
        Ok(Some((accrued.entry(number, every)?, accrued)))
    }

    async fn put_file(&self, accrual: u64, accrued: &Accrued) -> Result<()> {
        let file = AccrualFile { accrual, credits: accrued.credits.clone() };
        let (path, bytes, store) = (AccrualFile::path(accrual), file.to_bytes(), self.store.clone());
        Ok(tokio::task::spawn_blocking(move || store.put(&path, &bytes)).await??)
    }

    async fn post(&self, entry: &Accrual, accrued: &Accrued) -> Result<()> {
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let entry_index = guard.append(&mut tx, &[Entry::Accrual(*entry)]).await?;
        accruals::insert(&mut tx, entry, entry_index).await?;
        for credit in &accrued.credits {
            accruals::insert_credit(&mut tx, entry.accrual, credit).await?;
        }
        if let Some(transaction) = postings::of(entry, entry_index, accrued, now_ms()) {
            ledger::post(&mut tx, &transaction).await?;
        }
        tx.commit().await?;
        guard.integrate().await?;
        Ok(())
    }
}
