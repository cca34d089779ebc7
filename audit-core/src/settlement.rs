//! Settlement: how the reward of an epoch's blocks becomes credits, to the last satoshi.

use alloc::{collections::BTreeMap, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

mod work;

pub use work::ContractWork;

use crate::{
    entry::{CreditsRoot, Scheme},
    hash::Hash32,
    json::{JsonError, from_canonical, to_canonical},
    scheme::{Charged, Drawn, TermsOf, Windows, scheme_of},
    sum_tree::{SumLeaf, SumTreeError, sum_root},
    work::{Sats, Work, apportion},
};

/// What a settlement depends on.
#[derive(Clone, Debug, Default)]
pub struct SettlementInputs {
    /// Work by contract that no settlement has used up, see [`ContractWork::use_up`].
    pub work: ContractWork,
    /// What counts within the PPLNS windows, from the settled group's epoch back.
    pub windows: Windows,
    /// The terms of each contract.
    pub terms: TermsOf,
    /// The operator's own id, which has the parts of contracts that are paid by time.
    pub operator: Hash32,
    /// Whose the blocks are.
    pub drawn: Drawn,
    /// What the previous settlement left.
    pub carry_in: Sats,
}

/// What a settlement gives. Σ credits + fee + maintenance + carry_out = reward + carry_in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Positive credits, ids strictly increasing.
    pub credits: Vec<Credit>,
    /// Sum of the fees.
    pub fee: Sats,
    /// What running the machines costs the contracts.
    pub maintenance: Sats,
    /// What is left when nothing was pooled, or when there was no work to divide it by.
    pub carry_out: Sats,
}

/// What one contract is credited. In JSON `[<sats>,"<id>"]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credit {
    /// How much, at least 1.
    pub sats: Sats,
    /// Contract id, or the operator's own.
    pub id: Hash32,
}

/// `/settlement/<number>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementFile {
    /// Number.
    pub settlement: u64,
    /// Ids strictly increasing.
    pub credits: Vec<Credit>,
}

/// Why a settlement can't be computed or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettleError {
    /// Work or money beyond its type.
    #[error("work or money exceeds its range")]
    Overflow,
    /// Credits are not strictly increasing by id, or zero.
    #[error(transparent)]
    Tree(#[from] SumTreeError),
    /// Not the file's JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// Divides a group's reward and the carry by the schemes, then takes each contract's fee and maintenance.
///
/// # Errors
/// See [`SettleError`].
pub fn settle(inputs: &SettlementInputs) -> Result<Settled, SettleError> {
    let reward = inputs.drawn.reward().ok_or(SettleError::Overflow)?;
    let total = reward.checked_add(inputs.carry_in).ok_or(SettleError::Overflow)?;
    let mut gross = pooled(inputs)?;
    for (id, sats) in &inputs.drawn.solo {
        *gross.entry(*id).or_default() += u128::from(sats.get());
    }
    let divided: u128 = gross.values().sum();
    let (mut credits, mut fee, mut maintenance) = (Vec::new(), 0, 0);
    for (id, gross) in gross {
        let terms = inputs.terms.get(&id);
        let charged = terms.map_or(Charged::nothing(gross), |terms| terms.charge(gross, inputs.work.of(&id)));
        fee += charged.fee;
        maintenance += charged.maintenance;
        let sats = to_sats(charged.credit)?;
        if sats > Sats::ZERO {
            credits.push(Credit { sats, id });
        }
    }
    let carry_out = to_sats(u128::from(total.get()).checked_sub(divided).ok_or(SettleError::Overflow)?)?;
    Ok(Settled { credits, fee: to_sats(fee)?, maintenance: to_sats(maintenance)?, carry_out })
}

/// Gross credits of what is pooled, by id: by work over all ids but solo contracts (largest remainder, ties to the lower
/// id), then within each PPLNS window by what counts there. Nothing when no reward is pooled.
fn pooled(inputs: &SettlementInputs) -> Result<BTreeMap<Hash32, u128>, SettleError> {
    if !inputs.drawn.is_pooled() {
        return Ok(BTreeMap::new());
    }
    let total = inputs.drawn.pooled.checked_add(inputs.carry_in).ok_or(SettleError::Overflow)?;
    let pooled = inputs.work.iter().filter(|(id, _)| scheme_of(&inputs.terms, id) != Scheme::Solo);
    let (ids, weights): (Vec<Hash32>, Vec<u128>) = pooled.map(|(id, work)| (*id, work.get())).unzip();
    let parts = apportion(total.get().into(), &weights).ok_or(SettleError::Overflow)?;
    let (mut gross, mut classes) = (BTreeMap::new(), BTreeMap::<Work, u128>::new());
    for (id, part) in ids.into_iter().zip(parts) {
        let sum = match scheme_of(&inputs.terms, &id) {
            Scheme::Pplns { window_work } => classes.entry(window_work).or_default(),
            Scheme::Pps | Scheme::Fpps => gross.entry(inputs.operator).or_default(),
            Scheme::Proportional | Scheme::Solo => gross.entry(id).or_default(),
        };
        *sum += part;
    }
    for (window_work, sum) in classes {
        let Some(counted) = inputs.windows.counted(window_work) else { continue };
        let (ids, weights): (Vec<Hash32>, Vec<u128>) = counted.iter().map(|(id, work)| (*id, work.get())).unzip();
        let parts = apportion(sum, &weights).ok_or(SettleError::Overflow)?;
        gross.extend(ids.into_iter().zip(parts));
    }
    Ok(gross)
}

/// Count, sum and sum-tree root of credits.
///
/// # Errors
/// See [`SettleError`].
pub fn credits_root(credits: &[Credit]) -> Result<CreditsRoot, SettleError> {
    let leaves: Vec<SumLeaf> =
        credits.iter().map(|credit| SumLeaf { amount: credit.sats.get().into(), id: credit.id }).collect();
    let node = sum_root(&leaves)?;
    Ok(CreditsRoot { count: credits.len() as u64, total_sats: to_sats(node.sum)?, root: node.hash })
}

impl SettlementFile {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses the file.
    ///
    /// # Errors
    /// [`SettleError::Json`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SettleError> {
        Ok(from_canonical(bytes)?)
    }

    /// The path of a settlement's file.
    pub fn path(settlement: u64) -> alloc::string::String {
        alloc::format!("settlement/{settlement}.json")
    }
}

impl Serialize for Credit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.sats, self.id).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Credit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(Sats, Hash32)>::deserialize(deserializer).map(|(sats, id)| Self { sats, id })
    }
}

pub(crate) fn to_sats(sats: u128) -> Result<Sats, SettleError> {
    u64::try_from(sats).ok().and_then(Sats::new).ok_or(SettleError::Overflow)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod year;
