//! Settlement: the reward of an epoch's blocks becomes credits, in the log, in the file and in the ledger alike.
//!
//! Out of scope: the arithmetic (`audit_core::settlement`), payouts.

use anyhow::{Context, Result};
use audit_core::allocation::operator_id;
use audit_core::entry::{Entry, Settlement};
use audit_core::settlement::{Settled, SettlementFile, SettlementInputs, credits_root, settle};

use crate::clock::now_ms;
use crate::db::settlements::{CreditRow, SettlementRow};
use crate::db::{Database, Tx, blocks, ledger, settlements};
use crate::evidence::EvidenceStore;
use crate::tlog::Sequencer;
use group::{Group, next_group};
use inputs::Round;
pub(crate) use inputs::{terms_at, terms_of_contracts};

mod group;
mod inputs;
pub(crate) mod postings;

/// Settles groups of epochs.
#[derive(Clone)]
pub(crate) struct Settler {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
}

impl Settler {
    /// Settles every group that is ready, in order.
    ///
    /// # Errors
    /// Database, log, or evidence that is missing.
    pub(crate) async fn settle_all(&self) -> Result<()> {
        while self.settle_next().await? {}
        Ok(())
    }

    /// Settles the next group; `false` when none is ready. Commit points: 1. the file (a crash leaves it unnamed; it is
    /// written again with the same bytes, since a group's inputs are final); 2. entry, credits and postings in one
    /// transaction; 3. integration, which the next start repeats.
    async fn settle_next(&self) -> Result<bool> {
        let Some((entry, settled)) = self.prepare().await? else { return Ok(false) };
        self.post(&entry, &settled).await?;
        tracing::info!(
            settlement = entry.settlement,
            from_epoch = entry.from_epoch,
            to_epoch = entry.to_epoch,
            reward_sats = entry.reward_sats.get(),
            credits = settled.credits.len(),
            "settled"
        );
        Ok(true)
    }

    /// Computes the next group's settlement and writes its file; `None` when no group is ready.
    pub(crate) async fn prepare(&self) -> Result<Option<(Settlement, Settled)>> {
        let pool = self.database.pool();
        let last = settlements::last(&mut *pool.acquire().await?).await?;
        let settled_up_to = last.as_ref().map_or(0, |last| last.last_epoch);
        let Some(group) = next_group(&blocks::after_epoch(pool, settled_up_to).await?) else { return Ok(None) };
        let round = Round::after(last.as_ref());
        let inputs = self.inputs(&group, &round).await?;
        let settled = settle(&inputs)?;
        self.put_file(round.number, &settled).await?;
        Ok(Some((entry(&round, &group, &inputs, &settled)?, settled)))
    }

    async fn put_file(&self, number: u64, settled: &Settled) -> Result<()> {
        let file = SettlementFile { settlement: number, credits: settled.credits.clone() };
        let (path, bytes, store) = (SettlementFile::path(number), file.to_bytes(), self.store.clone());
        Ok(tokio::task::spawn_blocking(move || store.put(&path, &bytes)).await??)
    }

    async fn post(&self, entry: &Settlement, settled: &Settled) -> Result<()> {
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let settled_ms = now_ms();
        let entry_index = guard.append(&mut tx, &[Entry::Settlement(entry.clone())]).await?;
        settlements::insert(&mut tx, &row(entry, entry_index, settled_ms)).await?;
        store_credits(&mut tx, entry.settlement, settled).await?;
        let own = operator_id(self.sequencer.origin());
        if let Some(transaction) = postings::of(entry, entry_index, settled, &own, settled_ms) {
            ledger::post(&mut tx, &transaction).await?;
        }
        tx.commit().await?;
        guard.integrate().await?;
        Ok(())
    }
}

fn entry(round: &Round, group: &Group, inputs: &SettlementInputs, settled: &Settled) -> Result<Settlement> {
    Ok(Settlement {
        settlement: round.number,
        from_epoch: round.first_epoch,
        to_epoch: group.epoch,
        blocks: group.matured.iter().map(|(hash, _)| *hash).collect(),
        reward_sats: inputs.drawn.reward().context("the rewards of one epoch exceed all bitcoin")?,
        solo_sats: inputs.drawn.solo_sats(),
        carry_in_sats: inputs.carry_in,
        fee_sats: settled.fee,
        maintenance_sats: settled.maintenance,
        carry_out_sats: settled.carry_out,
        credits: credits_root(&settled.credits)?,
    })
}

fn row(entry: &Settlement, entry_index: u64, settled_ms: u64) -> SettlementRow {
    SettlementRow {
        settlement: entry.settlement,
        entry_index,
        first_epoch: entry.from_epoch,
        last_epoch: entry.to_epoch,
        reward: entry.reward_sats,
        solo: entry.solo_sats,
        fee: entry.fee_sats,
        maintenance: entry.maintenance_sats,
        carry_in: entry.carry_in_sats,
        carry_out: entry.carry_out_sats,
        settled_ms,
    }
}

async fn store_credits(tx: &mut Tx, settlement: u64, settled: &Settled) -> Result<()> {
    for credit in &settled.credits {
        settlements::insert_credit(tx, &credit.id, &CreditRow { settlement, credit: credit.sats }).await?;
    }
    Ok(())
}
