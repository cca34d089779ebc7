//! What the end of a period calls for, computed from what is stored of log and epochs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use audit_core::entry::{Suspension, Terms};
use audit_core::life::{Concluded, Lived, LoggedContract, Owed, PeriodEnd, Streaks};
use audit_core::scheme::Price;
use sqlx::AnyConnection;

use super::{Called, Lives, logged_contracts, reason};
use crate::db::{Tx, lives};
use crate::settlement::terms_at;

/// Terms by leaf index, read once.
#[derive(Default)]
pub(super) struct TermsCache(BTreeMap<u64, Terms>);

impl TermsCache {
    pub(super) async fn at(&mut self, connection: &mut AnyConnection, index: u64) -> Result<Terms> {
        if let Some(terms) = self.0.get(&index) {
            return Ok(*terms);
        }
        let terms = terms_at(connection, index).await?;
        self.0.insert(index, terms);
        Ok(terms)
    }
}

impl Lives {
    pub(super) async fn called_for(&self, tx: &mut Tx, end: &PeriodEnd, every: u64) -> Result<Called> {
        let mut contracts = logged_contracts(tx).await?;
        contracts.retain(|contract| contract.open_index < end.close_index);
        let rules = self.rules(tx, &contracts, end.period * every, every).await?;
        let mut changes = Vec::new();
        for contract in contracts.iter().filter(|contract| contract.end_index().is_none()) {
            let is_to_be = rules.get(&contract.open.terms).copied().unwrap_or_default();
            if let Some(kind) = contract.due(end, contract.is_suspended(), is_to_be) {
                changes.push((contract.open, kind, reason(kind, end.period)));
            }
        }
        let ended: Vec<&LoggedContract> = contracts.iter().filter(|contract| contract.has_ended(end)).collect();
        let mut owed = Vec::new();
        for contract in &ended {
            owed.push((contract.open.contract, owed_to(tx, contract, end.period * every).await?));
        }
        let conclusion = match Concluded::of(owed) {
            None => None,
            Some(concluded) => Some((concluded.entry(end.period, every)?, concluded)),
        };
        Ok(Called { changes, ended: ended.into_iter().map(|contract| contract.open).collect(), conclusion })
    }

    /// What the rules say that can suspend these contracts, by the leaf index of their terms, after the period that ends with
    /// the epoch `last`.
    async fn rules(
        &self,
        tx: &mut Tx,
        contracts: &[LoggedContract],
        last: u64,
        every: u64,
    ) -> Result<BTreeMap<u64, bool>> {
        let ruled = contracts.iter().filter(|contract| contract.terms.suspension != Suspension::None);
        let ruled: BTreeMap<u64, Terms> = ruled.map(|contract| (contract.open.terms, contract.terms)).collect();
        let mut rules = BTreeMap::new();
        for (index, terms) in ruled {
            let mut streaks = Streaks::default();
            for price in lives::prices_of_periods(tx, every, index, last).await? {
                let price = Price::of(self.network, price.height, price.nbits, price.fees_ppm);
                streaks = price.and_then(|price| streaks.after(&terms, &price)).context("a period without a price")?;
            }
            rules.insert(index, streaks.is_suspended());
        }
        Ok(rules)
    }
}

async fn owed_to(tx: &mut Tx, contract: &LoggedContract, last: u64) -> Result<Owed> {
    let mut lived = Lived::default();
    for (span, part) in lives::epochs_of_term(tx, &contract.open, last).await? {
        lived.add_epoch(contract, &span, part)?;
    }
    Ok(lived.owed(contract)?)
}
