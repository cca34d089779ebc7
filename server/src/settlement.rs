//! Settlement: the reward of an epoch's blocks becomes credits, in the log, in the file and in the ledger alike.
//!
//! Out of scope: the arithmetic (`audit_core::settlement`), payouts.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use audit_core::allocation::operator_id;
use audit_core::entry::{Entry, Settlement};
use audit_core::hash::Hash32;
use audit_core::settlement::{ContractWork, Settled, SettlementFile, SettlementInputs, credits_root, settle};
use audit_core::work::Sats;

use crate::clock::now_ms;
use crate::db::settlements::{CreditRow, SettlementRow};
use crate::db::{Database, Tx, blocks, epochs, ledger, log_entries, settlements};
use crate::evidence::EvidenceStore;
use crate::sealing::read_allocation;
use crate::tlog::Sequencer;
use group::{Group, next_group};

mod group;
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
        let undivided = blocks::after_epoch(pool, settled_up_to).await?;
        let Some(group) = next_group(&undivided, settled_up_to)? else { return Ok(None) };
        let number = last.as_ref().map_or(1, |last| last.settlement + 1);
        let carry_in = last.map_or(Sats::ZERO, |last| last.carry_out);
        let settled = settle(&self.inputs(&group, carry_in).await?)?;
        self.put_file(number, &settled).await?;
        Ok(Some((entry(number, &group, carry_in, &settled)?, settled)))
    }

    /// The work of every contract over the group's epochs, and the fee of the terms that each was sold under.
    async fn inputs(&self, group: &Group, carry_in: Sats) -> Result<SettlementInputs> {
        let pool = self.database.pool();
        let mut work = ContractWork::default();
        let rows = epochs::closed_between(pool, group.first_epoch, group.last_epoch).await?;
        let expected = group.last_epoch - group.first_epoch + 1;
        ensure!(rows.len() as u64 == expected, "{} of {expected} epochs to settle are closed", rows.len());
        for row in &rows {
            let close = row.close.as_ref().with_context(|| format!("epoch {} is open", row.epoch))?;
            work.add_epoch(&read_allocation(&self.store, row)?, close.work)?;
        }
        let fee_ppm = self.fees(group).await?;
        Ok(SettlementInputs { work, fee_ppm, reward: group.reward, carry_in })
    }

    async fn fees(&self, group: &Group) -> Result<BTreeMap<Hash32, u32>> {
        let pool = self.database.pool();
        let mut by_terms = BTreeMap::new();
        let mut fees = BTreeMap::new();
        for (contract, terms) in settlements::terms_of_contracts(pool, group.first_epoch, group.last_epoch).await? {
            let fee_ppm = match by_terms.get(&terms) {
                Some(fee_ppm) => *fee_ppm,
                None => self.fee_of(terms).await?,
            };
            by_terms.insert(terms, fee_ppm);
            fees.insert(contract, fee_ppm);
        }
        Ok(fees)
    }

    async fn fee_of(&self, terms: u64) -> Result<u32> {
        let rows = log_entries::range(self.database.pool(), terms, terms + 1).await?;
        match rows.first().map(|row| Entry::from_bytes(&row.entry)).transpose()? {
            Some(Entry::Terms(terms)) => Ok(terms.fee_ppm),
            _ => bail!("log entry {terms} is named as terms but is none"),
        }
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

fn entry(number: u64, group: &Group, carry_in: Sats, settled: &Settled) -> Result<Settlement> {
    Ok(Settlement {
        settlement: number,
        from_epoch: group.first_epoch,
        to_epoch: group.last_epoch,
        blocks: group.matured.clone(),
        reward_sats: group.reward,
        carry_in_sats: carry_in,
        fee_sats: settled.fee,
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
        fee: entry.fee_sats,
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
