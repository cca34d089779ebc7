//! Which outputs can be spent.

use std::collections::{HashMap, HashSet};

use bitcoin::{OutPoint, Transaction, TxOut};

/// A spendable output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) output: TxOut,
    /// Height of the block that it is in, or would be in.
    pub(super) height: u32,
    pub(super) is_coinbase: bool,
}

/// The spendable outputs of the best chain.
#[derive(Debug, Default)]
pub(super) struct Coins(HashMap<OutPoint, Coin>);

/// Coins as they would be after some transactions that are on no block yet.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    coins: &'a Coins,
    made: HashMap<OutPoint, Coin>,
    spent: HashSet<OutPoint>,
}

impl Coins {
    pub(super) fn insert(&mut self, outpoint: OutPoint, coin: Coin) {
        self.0.insert(outpoint, coin);
    }

    /// Takes what a transaction spends, adds what it makes.
    pub(super) fn apply(&mut self, transaction: &Transaction, height: u32) {
        for input in &transaction.input {
            self.0.remove(&input.previous_output);
        }
        self.0.extend(made_by(transaction, height));
    }

    /// Whether an output of the transaction is spendable, so that the transaction is on the chain.
    pub(super) fn has_output_of(&self, transaction: &Transaction) -> bool {
        let txid = transaction.compute_txid();
        (0u32..).zip(&transaction.output).any(|(vout, _)| self.0.contains_key(&OutPoint { txid, vout }))
    }

    pub(super) fn view(&self) -> View<'_> {
        View { coins: self, made: HashMap::new(), spent: HashSet::new() }
    }
}

impl View<'_> {
    /// `None` when there is no such coin, or it is spent.
    pub(super) fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        if self.spent.contains(outpoint) {
            return None;
        }
        self.made.get(outpoint).or_else(|| self.coins.0.get(outpoint))
    }

    pub(super) fn apply(&mut self, transaction: &Transaction, height: u32) {
        self.spent.extend(transaction.input.iter().map(|input| input.previous_output));
        self.made.extend(made_by(transaction, height));
    }
}

fn made_by(transaction: &Transaction, height: u32) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
    let (txid, is_coinbase) = (transaction.compute_txid(), transaction.is_coinbase());
    let spendable = transaction.output.iter().zip(0u32..).filter(|(output, _)| !output.script_pubkey.is_op_return());
    spendable.map(move |(output, vout)| (OutPoint { txid, vout }, Coin { output: output.clone(), height, is_coinbase }))
}
