//! Contracts' lives: where a period of epochs ends, contracts are suspended, resumed and ended as their terms say, and those
//! that ended are credited for unused time and missing work; in the log, in the file and in the ledger alike.
//!
//! Out of scope: the rules (`audit_core::life`), opening contracts (`crate::engine`), payouts.

use anyhow::{Context, Result};
use audit_core::chain::Network;
use audit_core::entry::{Conclusion, ContractChange, ContractOpen, Entry};
use audit_core::hash::Hash32;
use audit_core::life::{Change, ChangeKind, Concluded, ConclusionFile, FULFILLED, LoggedContract, PeriodEnd};
use sqlx::AnyConnection;

use crate::accruals::price::accrual_epochs;
use crate::clock::now_ms;
use crate::db::lives::{self, ChangeRow};
use crate::db::{Database, Tx, contracts, epochs, ledger};
use crate::evidence::EvidenceStore;
use crate::tlog::{Sequencer, SequencerGuard};

mod close;
mod period;
pub(crate) mod postings;
#[cfg(test)]
mod tests;

pub(crate) use close::{CloseRefused, close};

/// Follows contracts from period to period.
#[derive(Clone)]
pub(crate) struct Lives {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
    pub network: Network,
}

/// What the end of a period calls for.
struct Called {
    /// The contracts that change, how, and why in words.
    changes: Vec<(ContractOpen, ChangeKind, String)>,
    /// The contracts whose life ended with it.
    ended: Vec<ContractOpen>,
    /// What they are owed; `None` when nothing.
    conclusion: Option<(Conclusion, Concluded)>,
}

impl Lives {
    /// Does what every period that is over calls for, in order.
    ///
    /// # Errors
    /// Database, log, or file system.
    pub(crate) async fn conclude_all(&self) -> Result<()> {
        while self.conclude_next().await? {}
        Ok(())
    }

    /// Does what the end of the next period calls for; `false` when it is not over. All of it happens under the log's lock, so
    /// that the operator closes no contract in between. Commit points: 1. the file (a crash leaves it unnamed; it is written
    /// again with the same bytes, since what it depends on stands before the period's end); 2. entries, rows and postings in
    /// one transaction; 3. integration, which the next start repeats.
    async fn conclude_next(&self) -> Result<bool> {
        if self.next_end(&mut *self.database.pool().acquire().await?).await?.is_none() {
            return Ok(false);
        }
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let Some((end, every)) = self.next_end(&mut tx).await? else { return Ok(false) };
        let called = self.called_for(&mut tx, &end, every).await?;
        if let Some((entry, concluded)) = &called.conclusion {
            self.put_file(entry.conclusion, concluded).await?;
        }
        self.log(&guard, &mut tx, &end, &called).await?;
        tx.commit().await?;
        guard.integrate().await?;
        tell(&end, &called);
        Ok(true)
    }

    /// The end of the next period and the epochs of one; `None` when it is not over.
    async fn next_end(&self, connection: &mut AnyConnection) -> Result<Option<(PeriodEnd, u64)>> {
        let Some(every) = accrual_epochs(connection).await? else { return Ok(None) };
        let period = lives::last_period(connection).await? + 1;
        let Some(last) = epochs::by_number(connection, period * every).await? else { return Ok(None) };
        let Some(close) = last.close else { return Ok(None) };
        let next = epochs::by_number(connection, last.epoch + 1).await?;
        let next = next.with_context(|| format!("epoch {} is closed and the next one not open", last.epoch))?;
        let (next_open, end_ms) = (Some(next.open_index), next.start_ms);
        Ok(Some((PeriodEnd { period, close_index: close.close_index, next_open, end_ms }, every)))
    }

    async fn put_file(&self, conclusion: u64, concluded: &Concluded) -> Result<()> {
        let file = ConclusionFile { conclusion, rows: concluded.rows.clone() };
        let (path, bytes, store) = (ConclusionFile::path(conclusion), file.to_bytes(), self.store.clone());
        Ok(tokio::task::spawn_blocking(move || store.put(&path, &bytes)).await??)
    }

    async fn log(&self, guard: &SequencerGuard, tx: &mut Tx, end: &PeriodEnd, called: &Called) -> Result<()> {
        let at_ms = now_ms();
        for (open, kind, reason) in &called.changes {
            log_change(guard, tx, open.contract, *kind, reason, at_ms).await?;
        }
        for open in &called.ended {
            lives::set_ended(tx, &open.contract, end.period).await?;
        }
        let Some((entry, concluded)) = &called.conclusion else {
            return Ok(lives::insert_period(tx, end.period, None).await?);
        };
        let entry_index = guard.append(tx, &[Entry::Conclusion(*entry)]).await?;
        lives::insert_period(tx, end.period, Some((entry_index, entry))).await?;
        for row in &concluded.rows {
            lives::insert_credit(tx, end.period, row).await?;
        }
        let transaction = postings::of(entry, entry_index, &concluded.rows, at_ms);
        ledger::post(tx, &transaction.context("a credit above all bitcoin")?).await?;
        Ok(())
    }
}

/// Logs a change and stores its row.
async fn log_change(
    guard: &SequencerGuard,
    tx: &mut Tx,
    contract: Hash32,
    kind: ChangeKind,
    reason: &str,
    at_ms: u64,
) -> Result<()> {
    let change = ContractChange { contract, reason: reason.into() };
    let entry = match kind {
        ChangeKind::Suspended => Entry::ContractSuspend(change),
        ChangeKind::Resumed => Entry::ContractResume(change),
        ChangeKind::Fulfilled | ChangeKind::Closed => Entry::ContractClose(change),
    };
    let index = guard.append(tx, &[entry]).await?;
    if kind.is_end() {
        contracts::end(tx, &contract).await?;
    }
    let (change, reason) = (Change { index, kind }, reason.to_owned());
    lives::insert_change(tx, &ChangeRow { contract_id: contract, change, reason, at_ms }).await?;
    Ok(())
}

/// Why a change is called for, in words.
fn reason(kind: ChangeKind, period: u64) -> String {
    match kind {
        ChangeKind::Suspended => format!("running the machines costs more than they earn, as of period {period}"),
        ChangeKind::Resumed => format!("running the machines pays again, as of period {period}"),
        ChangeKind::Fulfilled | ChangeKind::Closed => FULFILLED.into(),
    }
}

fn tell(end: &PeriodEnd, called: &Called) {
    for (open, kind, _) in &called.changes {
        tracing::info!(contract = %open.contract, period = end.period, change = lives::name(*kind), "contract changed");
    }
    if let Some((entry, _)) = &called.conclusion {
        let (refund_sats, make_good_sats) = (entry.refund_sats.get(), entry.make_good_sats.get());
        tracing::info!(period = end.period, refund_sats, make_good_sats, "period concluded");
    }
}

/// The contracts whose life goes on, as the log tells of them.
async fn logged_contracts(connection: &mut AnyConnection) -> Result<Vec<LoggedContract>> {
    let changes = lives::changes_of_going_on(connection).await?;
    let mut contracts = Vec::new();
    let mut terms = period::TermsCache::default();
    for (open_index, open) in lives::going_on(connection).await? {
        let of_this = changes.iter().filter(|row| row.contract_id == open.contract);
        let changes = of_this.map(|row| row.change).collect();
        let terms = terms.at(connection, open.terms).await?;
        contracts.push(LoggedContract { open_index, open, terms, changes });
    }
    Ok(contracts)
}
