//! Liabilities: what the operator owes to each contract, and the coins that back it.
//!
//! In scope: balances as sums of credits and payouts, the published list, the names of coins. Out of scope: how credits
//! come about (`crate::settlement`), what a payout's transaction shows (`crate::payout`).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    entry::CreditsRoot,
    hash::{BlockHash, Hash32},
    json::{JsonError, from_canonical, to_canonical},
    settlement::{Credit, SettleError, credits_root},
    transaction::{OutPoint, Transaction},
    work::Sats,
};

/// Longest time in which epochs may open without a `liabilities` entry: a day, and two hours for what delays a daily task.
pub const OVERDUE_MS: u64 = 26 * 3_600_000;

/// What is owed to each contract: credits less payouts. Keeps one number for each contract that is owed something.
///
/// The operator's own id is left out: what he owes to himself is no liability.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Balances {
    operator: Hash32,
    owed: BTreeMap<Hash32, Sats>,
}

/// A payout of more than is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{paid} sats are paid of {owed} that are owed")]
pub struct Overpaid {
    /// What was owed.
    pub owed: Sats,
    /// What was paid of it.
    pub paid: Sats,
}

/// `/liabilities/<number>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiabilitiesFile {
    /// Number.
    pub liabilities: u64,
    /// What each contract is owed, at least 1; ids strictly increasing.
    pub balances: Vec<Credit>,
    /// What backs it; ids strictly increasing.
    pub coins: Vec<Coin>,
}

/// An unspent output that pays the pool. In JSON `[<sats>,"<coin id>","<txid>",<vout>,<height>]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Coin {
    /// Its value, at least 1.
    pub sats: Sats,
    /// Which output.
    pub point: OutPoint,
    /// Height of the block that it is in.
    pub height: u32,
}

impl Balances {
    /// Nothing owed to anyone by the operator with this id.
    pub fn new(operator: Hash32) -> Self {
        Self { operator, owed: BTreeMap::new() }
    }

    /// Owes a credit. `None` when there aren't as many satoshis.
    pub fn credit(&mut self, credit: &Credit) -> Option<()> {
        if credit.id != self.operator {
            let sum = self.of(&credit.id).checked_add(credit.sats)?;
            self.set(credit.id, sum);
        }
        Some(())
    }

    /// Owes less by what was paid.
    ///
    /// # Errors
    /// [`Overpaid`]; nothing is owed to that contract then.
    pub fn pay(&mut self, id: &Hash32, paid: Sats) -> Result<(), Overpaid> {
        let owed = self.of(id);
        let left = owed.get().checked_sub(paid.get()).and_then(Sats::new);
        self.set(*id, left.unwrap_or_default());
        if left.is_some() { Ok(()) } else { Err(Overpaid { owed, paid }) }
    }

    /// What is owed to a contract.
    pub fn of(&self, id: &Hash32) -> Sats {
        self.owed.get(id).copied().unwrap_or_default()
    }

    /// The list as it is published: at least 1 satoshi each, ids strictly increasing.
    pub fn list(&self) -> Vec<Credit> {
        self.owed.iter().map(|(id, sats)| Credit { sats: *sats, id: *id }).collect()
    }

    /// The sum of all; `None` when there aren't as many satoshis.
    pub fn total(&self) -> Option<Sats> {
        self.owed.values().try_fold(Sats::ZERO, |sum, sats| sum.checked_add(*sats))
    }

    /// Every id that `list` states otherwise: what is owed, and what is stated (0 where it is left out). An id that is
    /// listed several times counts with the sum of its rows.
    pub fn differences(&self, list: &[Credit]) -> Vec<(Hash32, Sats, Sats)> {
        let mut stated = BTreeMap::<Hash32, Sats>::new();
        for row in list {
            let sum = stated.entry(row.id).or_default();
            *sum = sum.checked_add(row.sats).unwrap_or(Sats::MAX);
        }
        let ids = self.owed.keys().chain(stated.keys().filter(|id| !self.owed.contains_key(*id)));
        let compared = ids.map(|id| (*id, self.of(id), stated.get(id).copied().unwrap_or_default()));
        compared.filter(|(_, owed, stated)| owed != stated).collect()
    }

    fn set(&mut self, id: Hash32, sats: Sats) {
        if sats == Sats::ZERO {
            self.owed.remove(&id);
        } else {
            self.owed.insert(id, sats);
        }
    }
}

/// The coins of a block: every output with value of its coinbase.
pub fn coins_of(coinbase: &Transaction, height: u32) -> Vec<Coin> {
    let outputs = (0..).zip(&coinbase.outputs).filter(|(_, output)| output.sats > Sats::ZERO);
    let point = |vout| OutPoint { txid: coinbase.txid, vout };
    outputs.map(|(vout, output)| Coin { sats: output.sats, point: point(vout), height }).collect()
}

impl Coin {
    /// Its name in the sum tree: SHA-256("provenhash/coin/v1\n" ‖ txid, raw 32 ‖ vout u32).
    pub fn id(&self) -> Hash32 {
        let hash = Sha256::new().chain_update("provenhash/coin/v1\n").chain_update(self.point.txid.0);
        Hash32(hash.chain_update(self.point.vout.to_be_bytes()).finalize().into())
    }
}

impl LiabilitiesFile {
    /// A list with its coins put in order.
    pub fn new(liabilities: u64, balances: Vec<Credit>, mut coins: Vec<Coin>) -> Self {
        coins.sort_by_cached_key(Coin::id);
        Self { liabilities, balances, coins }
    }

    /// Count, sum and root of the balances.
    ///
    /// # Errors
    /// Rows of zero, ids out of order, or more satoshis than there are.
    pub fn balances_root(&self) -> Result<CreditsRoot, SettleError> {
        credits_root(&self.balances)
    }

    /// Count, sum and root of the coins.
    ///
    /// # Errors
    /// As [`LiabilitiesFile::balances_root`].
    pub fn coins_root(&self) -> Result<CreditsRoot, SettleError> {
        let leaves: Vec<Credit> = self.coins.iter().map(|coin| Credit { sats: coin.sats, id: coin.id() }).collect();
        credits_root(&leaves)
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses the file.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JsonError> {
        from_canonical(bytes)
    }

    /// The path of a list.
    pub fn path(liabilities: u64) -> String {
        alloc::format!("liabilities/{liabilities}.json")
    }
}

impl Serialize for Coin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.sats, self.id(), self.point.txid, self.point.vout, self.height).serialize(serializer)
    }
}

/// The id that is read is forgotten: a canonical file has the one that is computed.
impl<'de> Deserialize<'de> for Coin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sats, _, txid, vout, height) = <(Sats, Hash32, BlockHash, u32, u32)>::deserialize(deserializer)?;
        Ok(Self { sats, point: OutPoint { txid, vout }, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{string::ToString, vec};

    const OPERATOR: Hash32 = Hash32([0xee; 32]);

    fn sats(amount: u64) -> Sats {
        Sats::new(amount).unwrap()
    }

    fn credit(amount: u64, id: u8) -> Credit {
        Credit { sats: sats(amount), id: Hash32([id; 32]) }
    }

    fn coin(amount: u64, txid: u8, vout: u32) -> Coin {
        Coin { sats: sats(amount), point: OutPoint { txid: BlockHash([txid; 32]), vout }, height: 7 }
    }

    fn owing(credits: &[Credit]) -> Balances {
        let mut balances = Balances::new(OPERATOR);
        credits.iter().for_each(|credit| balances.credit(credit).unwrap());
        balances
    }

    #[test]
    fn balances_are_credits_less_payouts_without_the_operators_own() {
        let mut balances = owing(&[credit(5, 1), credit(7, 2), credit(2, 1), Credit { sats: sats(9), id: OPERATOR }]);
        assert_eq!(balances.list(), [credit(7, 1), credit(7, 2)]);
        balances.pay(&Hash32([2; 32]), sats(7)).unwrap();
        balances.pay(&Hash32([1; 32]), sats(1)).unwrap();
        assert_eq!(balances.list(), [credit(6, 1)]);
        assert_eq!(balances.total(), Some(sats(6)));
    }

    #[test]
    fn nobody_is_paid_more_than_owed() {
        let mut balances = owing(&[credit(5, 1)]);
        assert_eq!(balances.pay(&Hash32([1; 32]), sats(6)), Err(Overpaid { owed: sats(5), paid: sats(6) }));
        assert_eq!(balances.list(), []);
        assert_eq!(balances.pay(&OPERATOR, sats(1)), Err(Overpaid { owed: Sats::ZERO, paid: sats(1) }));
    }

    #[test]
    fn a_list_is_told_apart_by_id_and_amount() {
        let balances = owing(&[credit(5, 1), credit(7, 2)]);
        assert_eq!(balances.differences(&[credit(5, 1), credit(7, 2)]), []);
        let of = |id: u8, owed, stated| (Hash32([id; 32]), sats(owed), sats(stated));
        assert_eq!(balances.differences(&[credit(5, 1)]), [of(2, 7, 0)]);
        assert_eq!(balances.differences(&[credit(5, 1), credit(6, 2), credit(1, 3)]), [of(2, 7, 6), of(3, 0, 1)]);
        assert_eq!(balances.differences(&[credit(5, 1), credit(7, 2), credit(7, 2)]), [of(2, 7, 14)]);
    }

    #[test]
    fn a_file_has_one_form_and_its_coins_their_own_ids() {
        let file = LiabilitiesFile::new(3, vec![credit(5, 1)], vec![coin(50, 2, 1), coin(50, 2, 0), coin(50, 1, 0)]);
        let ids: Vec<Hash32> = file.coins.iter().map(Coin::id).collect();
        assert!(ids.is_sorted());
        assert_eq!(file.coins_root().unwrap().total_sats, sats(150));
        assert_eq!(LiabilitiesFile::from_bytes(&file.to_bytes()), Ok(file.clone()));
        let other = file.to_bytes();
        let text = String::from_utf8(other).unwrap().replace(&ids[0].to_string(), &ids[1].to_string());
        assert!(matches!(LiabilitiesFile::from_bytes(text.as_bytes()), Err(JsonError::NotCanonical(_))));
    }

    #[test]
    fn a_coin_is_listed_once() {
        let file = LiabilitiesFile::new(1, Vec::new(), vec![coin(50, 1, 0), coin(50, 1, 0)]);
        assert!(matches!(file.coins_root(), Err(SettleError::Tree(_))));
    }

    #[test]
    fn a_coin_id_is_the_hash_of_its_text_and_outpoint() {
        let bytes = [b"provenhash/coin/v1\n", &[2; 32][..], &[0, 0, 1, 0]].concat();
        assert_eq!(coin(1, 2, 256).id(), Hash32::of(&bytes));
    }

    proptest! {
        #[test]
        fn what_is_owed_is_never_lost(credits in proptest::collection::vec((1..1_000_000u64, 0..9u8), 0..40), paid in 0..9u8) {
            let all: Vec<Credit> = credits.iter().map(|(amount, id)| credit(*amount, *id)).collect();
            let mut balances = owing(&all);
            let sum: u64 = credits.iter().map(|(amount, _)| amount).sum();
            prop_assert_eq!(balances.total().unwrap().get(), sum);
            let owed = balances.of(&Hash32([paid; 32]));
            balances.pay(&Hash32([paid; 32]), owed).unwrap();
            prop_assert_eq!(balances.total().unwrap().get(), sum - owed.get());
            prop_assert_eq!(balances.differences(&balances.list()), []);
        }
    }
}
