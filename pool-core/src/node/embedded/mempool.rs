//! Transactions that wait for a block, in an order in which they can be mined.
//!
//! All of them fit one block. A newcomer that spends what others spend replaces them when it pays more (full RBF,
//! Bitcoin Core's rules 3, 4 and 6 of `doc/policy/mempool-replacements.md`).

use std::collections::HashSet;

use bitcoin::{
    Amount, OutPoint, Transaction, Txid, Weight,
    secp256k1::{Secp256k1, VerifyOnly},
};

use super::{
    coins::{Coins, View},
    transaction::{Place, check},
};

/// All that may wait: half a block.
const MAX_WEIGHT: Weight = Weight::from_wu(2_000_000);
/// Sats for each virtual byte, to be let in and more than what is replaced.
const MIN_RATE: u64 = 1;

/// A transaction that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) transaction: Transaction,
    pub(super) txid: Txid,
    pub(super) fee: Amount,
}

/// The waiting transactions: each behind those whose outputs it spends.
#[derive(Debug, Default)]
pub(super) struct Mempool(Vec<Waiting>);

impl Mempool {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.0.iter()
    }

    pub(super) fn get(&self, txid: &Txid) -> Option<&Waiting> {
        self.0.iter().find(|waiting| waiting.txid == *txid)
    }

    /// Sum of the fees.
    pub(super) fn fees(&self) -> Amount {
        self.0.iter().map(|waiting| waiting.fee).sum()
    }

    /// Takes a transaction in, in place of those it replaces. `false` when it is in already; the reason when it can't be.
    pub(super) fn accept(
        &mut self,
        transaction: Transaction,
        coins: &Coins,
        place: Place,
        secp: &Secp256k1<VerifyOnly>,
    ) -> Result<bool, &'static str> {
        let txid = transaction.compute_txid();
        if self.get(&txid).is_some() {
            return Ok(false);
        }
        let replaced = self.with_descendants(|waiting| spends_the_same(&waiting.transaction, &transaction));
        let fee = check(&transaction, &self.view(coins, place.height, &replaced), place, secp)?;
        self.check_policy(&transaction, fee, &replaced)?;
        self.0.retain(|waiting| !replaced.contains(&waiting.txid));
        self.0.push(Waiting { transaction, txid, fee });
        Ok(true)
    }

    /// Removes what a block has confirmed, and what can't be confirmed any more.
    pub(super) fn block_connected(&mut self, block: &[Transaction]) {
        let confirmed: HashSet<Txid> = block.iter().map(Transaction::compute_txid).collect();
        self.0.retain(|waiting| !confirmed.contains(&waiting.txid));
        let spent: HashSet<OutPoint> =
            block.iter().flat_map(|transaction| &transaction.input).map(|input| input.previous_output).collect();
        let conflicting = self.with_descendants(|waiting| {
            waiting.transaction.input.iter().any(|input| spent.contains(&input.previous_output))
        });
        self.0.retain(|waiting| !conflicting.contains(&waiting.txid));
    }

    /// The coins as they would be with all that waits mined, but for those `without`.
    fn view<'a>(&self, coins: &'a Coins, height: u32, without: &HashSet<Txid>) -> View<'a> {
        let mut view = coins.view();
        for waiting in self.0.iter().filter(|waiting| !without.contains(&waiting.txid)) {
            view.apply(&waiting.transaction, height);
        }
        view
    }

    /// Those that `is_root` names and all that spend their outputs. One pass does it: parents come first.
    fn with_descendants(&self, is_root: impl Fn(&Waiting) -> bool) -> HashSet<Txid> {
        let mut found = HashSet::new();
        for waiting in &self.0 {
            let is_child = waiting.transaction.input.iter().any(|input| found.contains(&input.previous_output.txid));
            if is_child || is_root(waiting) {
                found.insert(waiting.txid);
            }
        }
        found
    }

    fn check_policy(
        &self,
        transaction: &Transaction,
        fee: Amount,
        replaced: &HashSet<Txid>,
    ) -> Result<(), &'static str> {
        let own = relay_fee(transaction);
        if fee < own {
            return Err("min relay fee not met");
        }
        if transaction.output.iter().any(|output| output.value < output.script_pubkey.minimal_non_dust()) {
            return Err("dust");
        }
        let (gone, kept): (Vec<&Waiting>, Vec<&Waiting>) =
            self.0.iter().partition(|waiting| replaced.contains(&waiting.txid));
        let gone_fees: Amount = gone.iter().map(|waiting| waiting.fee).sum();
        let rate =
            |fee: Amount, weight: Weight| u128::from(fee.to_sat()) * 1_000_000 / u128::from(weight.to_wu().max(1));
        let is_richer =
            |waiting: &&Waiting| rate(waiting.fee, waiting.transaction.weight()) < rate(fee, transaction.weight());
        if !gone.is_empty() && (fee < gone_fees + own || !gone.iter().all(is_richer)) {
            return Err("insufficient fee");
        }
        let weight: Weight = kept.iter().map(|waiting| waiting.transaction.weight()).sum();
        if weight + transaction.weight() > MAX_WEIGHT { Err("mempool full") } else { Ok(()) }
    }
}

/// What a transaction must pay to be passed on.
fn relay_fee(transaction: &Transaction) -> Amount {
    Amount::from_sat(transaction.vsize() as u64 * MIN_RATE)
}

fn spends_the_same(one: &Transaction, other: &Transaction) -> bool {
    one.input.iter().any(|a| other.input.iter().any(|b| a.previous_output == b.previous_output))
}
