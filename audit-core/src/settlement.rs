//! Settlement: how the reward of an epoch's blocks becomes credits, to the last satoshi.

use alloc::{collections::BTreeMap, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{
    allocation::Allocation,
    entry::CreditsRoot,
    hash::Hash32,
    json::{JsonError, from_canonical, to_canonical},
    sum_tree::{SumLeaf, SumTreeError, sum_root},
    work::{Sats, Work, apportion},
};

/// Millionths in one.
const PPM: u128 = 1_000_000;

/// What a proportional settlement depends on.
#[derive(Clone, Debug, Default)]
pub struct SettlementInputs {
    /// Work by contract over the settled epochs.
    pub work: ContractWork,
    /// Fee in millionths by contract; an id that is missing pays none (the operator's own).
    pub fee_ppm: BTreeMap<Hash32, u32>,
    /// Sum of the matured blocks' rewards.
    pub reward: Sats,
    /// What the previous settlement left.
    pub carry_in: Sats,
}

/// Work by contract, summed over epochs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContractWork(BTreeMap<Hash32, Work>);

/// What a settlement gives. Σ credits + fee + carry_out = reward + carry_in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Positive credits, ids strictly increasing.
    pub credits: Vec<Credit>,
    /// Sum of the fees.
    pub fee: Sats,
    /// What is left when there was no work to divide it by.
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
    /// A fee above the whole.
    #[error("a fee of {0} ppm is more than everything")]
    Fee(u32),
    /// Credits are not strictly increasing by id, or zero.
    #[error(transparent)]
    Tree(#[from] SumTreeError),
    /// Not the file's JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl ContractWork {
    /// Adds an epoch: its work divided by its allocation.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add_epoch(&mut self, allocation: &Allocation, work: Work) -> Result<(), SettleError> {
        for (entry, part) in allocation.entries().iter().zip(allocation.divide(work)) {
            let sum = self.0.entry(entry.id).or_default();
            *sum = sum.checked_add(part).ok_or(SettleError::Overflow)?;
        }
        Ok(())
    }

    /// A contract's work.
    pub fn of(&self, id: &Hash32) -> Work {
        self.0.get(id).copied().unwrap_or_default()
    }
}

/// Divides reward and carry by work (largest remainder, ties to the lower id), then takes each contract's fee, rounded
/// down.
///
/// # Errors
/// See [`SettleError`].
pub fn settle(inputs: &SettlementInputs) -> Result<Settled, SettleError> {
    let total = inputs.reward.checked_add(inputs.carry_in).ok_or(SettleError::Overflow)?;
    let weights: Vec<u128> = inputs.work.0.values().map(|work| work.get()).collect();
    let gross = apportion(total.get().into(), &weights).ok_or(SettleError::Overflow)?;
    let (mut credits, mut fee, mut divided) = (Vec::new(), 0u128, 0u128);
    for (id, gross) in inputs.work.0.keys().zip(gross) {
        let ppm = inputs.fee_ppm.get(id).copied().unwrap_or(0);
        if u128::from(ppm) > PPM {
            return Err(SettleError::Fee(ppm));
        }
        let contract_fee = gross * u128::from(ppm) / PPM;
        divided += gross;
        fee += contract_fee;
        let sats = to_sats(gross - contract_fee)?;
        if sats > Sats::ZERO {
            credits.push(Credit { sats, id: *id });
        }
    }
    Ok(Settled { credits, fee: to_sats(fee)?, carry_out: to_sats(u128::from(total.get()) - divided)? })
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

fn to_sats(sats: u128) -> Result<Sats, SettleError> {
    u64::try_from(sats).ok().and_then(Sats::new).ok_or(SettleError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inputs(work: &[u128], reward: u64, ppm: u32) -> SettlementInputs {
        let id = |index: usize| Hash32([u8::try_from(index).unwrap(); 32]);
        let works = work.iter().enumerate().map(|(index, work)| (id(index), Work::new(*work))).collect();
        SettlementInputs {
            work: ContractWork(works),
            fee_ppm: (0..work.len()).map(|index| (id(index), ppm)).collect(),
            reward: Sats::new(reward).unwrap(),
            carry_in: Sats::ZERO,
        }
    }

    #[test]
    fn three_to_one_pays_three_to_one_and_the_fee_rounds_down() {
        let settled = settle(&inputs(&[3, 1], 5_000_000_000, 10_001)).unwrap();
        let sats: Vec<u64> = settled.credits.iter().map(|credit| credit.sats.get()).collect();
        assert_eq!(sats, [3_712_496_250, 1_237_498_750]);
        assert_eq!(settled.fee.get(), 50_005_000);
        assert_eq!(settled.carry_out, Sats::ZERO);
    }

    #[test]
    fn without_work_everything_is_carried() {
        let settled = settle(&inputs(&[], 7, 0)).unwrap();
        assert_eq!((settled.credits.len(), settled.carry_out.get()), (0, 7));
    }

    #[test]
    fn a_fee_above_the_whole_is_refused() {
        assert_eq!(settle(&inputs(&[1], 7, 1_000_001)), Err(SettleError::Fee(1_000_001)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_made(
            work in proptest::collection::vec(0..1u128 << 100, 0..30),
            reward in 0..Sats::MAX.get(),
            ppm in 0..=1_000_000u32,
        ) {
            let settled = settle(&inputs(&work, reward, ppm)).unwrap();
            let credits: u64 = settled.credits.iter().map(|credit| credit.sats.get()).sum();
            prop_assert_eq!(credits + settled.fee.get() + settled.carry_out.get(), reward);
            let root = credits_root(&settled.credits).unwrap();
            prop_assert_eq!(root.total_sats.get(), credits);
        }
    }
}
