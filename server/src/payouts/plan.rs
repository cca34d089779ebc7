//! Whom the next payout pays, with which coins. Pure: the same inputs give the same plan.
//!
//! What one owner is owed by several contracts with one script is one output. What is below the threshold is carried over;
//! after a contract's end everything above dust is paid. An owner is paid all that is owed, so rests don't remain.

mod coins;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use audit_core::payout::PayoutRow;
use audit_core::work::Sats;
use bitcoin::ScriptBuf;

use super::fees::FeeRate;
use crate::db::payouts::{Input, Owed, SpendableCoin};

/// After the end of a contract its last blocks mature and settle; then nothing more is waited for.
const OVER_AFTER_MS: u64 = 30 * 86_400_000;

/// What bounds a plan.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// An owner who is owed less waits.
    pub threshold: Sats,
    /// Outputs to owners at most.
    pub outputs: usize,
    /// What owners are paid together at most; a single one who is owed more is paid alone.
    pub total: Sats,
    pub rate: FeeRate,
    /// Weight of an input with its signatures.
    pub input_weight: u64,
    /// Script that the rest is paid back to.
    pub change_script: ScriptBuf,
    pub now_ms: u64,
}

/// A payout before it is a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Whom each output pays, in order of the scripts.
    pub outputs: Vec<(ScriptBuf, Sats)>,
    /// What each contract is paid by them, in order of the ids.
    pub rows: Vec<PayoutRow>,
    pub inputs: Vec<Input>,
    pub total: Sats,
    pub fee: Sats,
    /// Of a last output; 0 when the rest is dust, which the fee has then.
    pub change: Sats,
    pub vsize: u64,
    /// First settlement it pays for.
    pub from_settlement: u64,
}

/// An owner: a script, what it is owed, and by which contracts.
struct Owner<'a> {
    script: ScriptBuf,
    sats: Sats,
    contracts: Vec<&'a Owed>,
}

/// The next payout; `None` when nobody is due, or the coins don't suffice for anyone who is.
pub(super) fn plan(owed: &[Owed], coins: &[SpendableCoin], bounds: &Bounds) -> Option<Plan> {
    let mut due: Vec<Owner<'_>> = owners(owed).into_iter().filter(|owner| owner.is_due(bounds)).collect();
    due.sort_by(|a, b| b.sats.cmp(&a.sats).then_with(|| a.script.cmp(&b.script)));
    let coins = coins::in_order(coins);
    let mut chosen = choose(due, &coins, bounds);
    chosen.sort_by(|a, b| a.script.cmp(&b.script));
    let outputs: Vec<(ScriptBuf, Sats)> = chosen.iter().map(|owner| (owner.script.clone(), owner.sats)).collect();
    let total = sum(chosen.iter().map(|owner| owner.sats))?;
    let spent = coins::select(&coins, total, &outputs, bounds)?;
    let contracts = chosen.iter().flat_map(|owner| &owner.contracts);
    Some(Plan {
        from_settlement: contracts.map(|contract| contract.from_settlement).min()?,
        rows: rows(&chosen),
        inputs: spent.inputs,
        fee: spent.fee,
        change: spent.change,
        vsize: spent.vsize,
        outputs,
        total,
    })
}

fn owners(owed: &[Owed]) -> Vec<Owner<'_>> {
    let mut by_script = BTreeMap::<&[u8], Vec<&Owed>>::new();
    for contract in owed {
        by_script.entry(&contract.script).or_default().push(contract);
    }
    by_script.into_iter().map(|(script, contracts)| Owner::of(script, contracts)).collect()
}

impl<'a> Owner<'a> {
    fn of(script: &[u8], contracts: Vec<&'a Owed>) -> Self {
        let sats = sum(contracts.iter().map(|contract| contract.sats)).unwrap_or(Sats::MAX);
        Self { script: script.to_vec().into(), sats, contracts }
    }

    fn is_due(&self, bounds: &Bounds) -> bool {
        let is_over = |contract: &&Owed| contract.until_ms.saturating_add(OVER_AFTER_MS) <= bounds.now_ms;
        let dust = dust(&self.script);
        let least = if self.contracts.iter().all(is_over) { dust } else { dust.max(bounds.threshold) };
        self.sats >= least
    }
}

/// The largest first, as many as bounds and coins allow.
fn choose<'a>(due: Vec<Owner<'a>>, coins: &[Input], bounds: &Bounds) -> Vec<Owner<'a>> {
    let mut chosen = Vec::<Owner<'a>>::new();
    let mut total = Sats::ZERO;
    for owner in due {
        let Some(sum) = total.checked_add(owner.sats) else { continue };
        let fits = (chosen.is_empty() || sum <= bounds.total) && chosen.len() < bounds.outputs;
        let scripts = chosen.iter().chain([&owner]).map(|owner| owner.script.len());
        if fits && sum <= coins::available(coins, scripts, bounds) {
            total = sum;
            chosen.push(owner);
        }
    }
    chosen
}

fn rows(chosen: &[Owner<'_>]) -> Vec<PayoutRow> {
    let rows = (0..).zip(chosen).flat_map(|(vout, owner)| {
        owner.contracts.iter().map(move |contract| PayoutRow { sats: contract.sats, id: contract.contract_id, vout })
    });
    let mut rows: Vec<PayoutRow> = rows.collect();
    rows.sort_by_key(|row| row.id);
    rows
}

/// Below it, nodes don't relay an output of this script (Bitcoin Core, `DUST_RELAY_TX_FEE`).
pub(super) fn dust(script: &ScriptBuf) -> Sats {
    Sats::new(script.minimal_non_dust().to_sat()).unwrap_or(Sats::MAX)
}

fn sum(amounts: impl Iterator<Item = Sats>) -> Option<Sats> {
    amounts.into_iter().try_fold(Sats::ZERO, Sats::checked_add)
}
