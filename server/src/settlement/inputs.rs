//! What a settlement depends on, collected from the database and the evidence.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use audit_core::allocation::operator_id;
use audit_core::entry::{Entry, Terms};
use audit_core::scheme::{TermsOf, Windows, draw, parts_of};
use audit_core::settlement::{ContractWork, SettlementInputs};
use audit_core::work::{Sats, Work};
use sqlx::{AnyConnection, AnyPool};

use super::{Group, Settler};
use crate::db::epochs::EpochRow;
use crate::db::settlements::SettlementRow;
use crate::db::{epochs, log_entries, settlements};
use crate::sealing::read_allocation;

/// Epochs that are read at once on the way back through PPLNS windows.
const PAGE: u64 = 288;

/// What the settlement before leaves to the next one.
pub(super) struct Round {
    /// Number of the next settlement.
    pub number: u64,
    /// First epoch whose work no pooled reward has used up.
    pub first_epoch: u64,
    /// Last epoch whose blocks are settled.
    settled_up_to: u64,
    carry_in: Sats,
}

impl Round {
    pub(super) fn after(last: Option<&SettlementRow>) -> Self {
        let Some(last) = last else {
            return Self { number: 1, first_epoch: 1, settled_up_to: 0, carry_in: Sats::ZERO };
        };
        let is_pooled = last.reward > last.solo;
        Self {
            number: last.settlement + 1,
            first_epoch: if is_pooled { last.last_epoch + 1 } else { last.first_epoch },
            settled_up_to: last.last_epoch,
            carry_in: last.carry_out,
        }
    }
}

impl Settler {
    pub(super) async fn inputs(&self, group: &Group, round: &Round) -> Result<SettlementInputs> {
        let terms = terms_of_contracts(self.database.pool()).await?;
        let rows = epochs::closed_between(self.database.pool(), round.first_epoch, group.epoch).await?;
        let expected = group.epoch + 1 - round.first_epoch;
        ensure!(rows.len() as u64 == expected, "{} of {expected} epochs to settle are closed", rows.len());
        let mut work = ContractWork::default();
        for row in &rows {
            work.add_epoch(&read_allocation(&self.store, row)?, work_of(row)?)?;
            if row.epoch == round.settled_up_to {
                work.use_up(false, &terms);
            }
        }
        let last = rows.last().context("a group has an epoch")?;
        let drawn = draw(&group.matured, &read_allocation(&self.store, last)?, &terms)?;
        let windows = self.windows(group.epoch, &terms, &work).await?;
        let operator = operator_id(self.sequencer.origin());
        Ok(SettlementInputs { work, windows, terms, operator, drawn, carry_in: round.carry_in })
    }

    /// What counts within the PPLNS windows of contracts that have work, from an epoch back.
    async fn windows(&self, epoch: u64, terms: &TermsOf, work: &ContractWork) -> Result<Windows> {
        let mut windows = Windows::of(terms, work);
        let mut last = epoch;
        while !windows.are_full() && last > 0 {
            let first = last.saturating_sub(PAGE) + 1;
            for row in epochs::closed_between(self.database.pool(), first, last).await?.iter().rev() {
                let allocation = read_allocation(&self.store, row)?;
                windows.add_older(&parts_of(&allocation, work_of(row)?, terms), terms)?;
            }
            last = first - 1;
        }
        Ok(windows)
    }
}

/// The terms that each contract was sold under.
pub(crate) async fn terms_of_contracts(pool: &AnyPool) -> Result<TermsOf> {
    let mut logged = BTreeMap::<u64, Terms>::new();
    let mut terms_of = TermsOf::new();
    for (contract, index) in settlements::terms_of_contracts(pool).await? {
        let terms = match logged.get(&index) {
            Some(terms) => *terms,
            None => terms_at(&mut *pool.acquire().await?, index).await?,
        };
        logged.insert(index, terms);
        terms_of.insert(contract, terms);
    }
    Ok(terms_of)
}

/// The terms at a leaf index.
pub(crate) async fn terms_at(connection: &mut AnyConnection, index: u64) -> Result<Terms> {
    let row = log_entries::at(connection, index).await?;
    match row.map(|row| Entry::from_bytes(&row.entry)).transpose()? {
        Some(Entry::Terms(terms)) => Ok(terms),
        _ => bail!("log entry {index} is named as terms but is none"),
    }
}

fn work_of(row: &EpochRow) -> Result<Work> {
    Ok(row.close.as_ref().with_context(|| format!("epoch {} is open", row.epoch))?.work)
}
