//! The rules a transaction must keep. Reasons are Bitcoin Core's (`validation.cpp`, `tx_check.cpp`).
//!
//! Scripts are run by miniscript's interpreter, which verifies every signature. It knows the scripts that descriptors make
//! (keys, multisig, time locks, hashes, Taproot); a coin of any other script can't be spent on this chain.

use std::collections::HashSet;

use bitcoin::{
    Amount, Transaction, TxOut, Weight,
    absolute::{Height, Time},
    relative,
    secp256k1::{Secp256k1, VerifyOnly},
    sighash::Prevouts,
};
use miniscript::Interpreter;

use super::coins::{Coin, View};

/// Depth at which a coinbase can be spent (COINBASE_MATURITY).
const MATURITY: u32 = 100;
/// Largest transaction (MAX_STANDARD_TX_WEIGHT).
const MAX_WEIGHT: Weight = Weight::from_wu(400_000);

/// Where in the chain a transaction is to stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Height of its block.
    pub(super) height: u32,
    /// Median time past of the block before (BIP 113).
    pub(super) median_time: u32,
}

/// Checks a transaction that is no coinbase, cheapest rule first; its fee, or the reason when it breaks a rule.
pub(super) fn check(
    transaction: &Transaction,
    view: &View<'_>,
    place: Place,
    secp: &Secp256k1<VerifyOnly>,
) -> Result<Amount, &'static str> {
    let paid = check_form(transaction)?;
    check_lock_time(transaction, place)?;
    let coins = spent_coins(transaction, view, place)?;
    let value = sum(coins.iter().map(|coin| coin.output.value)).ok_or("bad-txns-inputvalues-outofrange")?;
    let fee = value.checked_sub(paid).ok_or("bad-txns-in-belowout")?;
    check_scripts(transaction, &coins, secp)?;
    Ok(fee)
}

/// What can be said without knowing any coin; the sum of the outputs.
fn check_form(transaction: &Transaction) -> Result<Amount, &'static str> {
    if transaction.input.is_empty() {
        return Err("bad-txns-vin-empty");
    }
    if transaction.output.is_empty() {
        return Err("bad-txns-vout-empty");
    }
    if transaction.weight() > MAX_WEIGHT {
        return Err("tx-size");
    }
    let mut inputs = HashSet::new();
    if !transaction.input.iter().all(|input| inputs.insert(input.previous_output)) {
        return Err("bad-txns-inputs-duplicate");
    }
    if transaction.is_coinbase() || transaction.input.iter().any(|input| input.previous_output.is_null()) {
        return Err("coinbase");
    }
    sum(transaction.output.iter().map(|output| output.value)).ok_or("bad-txns-txouttotal-toolarge")
}

/// `None` above 21 million bitcoin.
fn sum(mut amounts: impl Iterator<Item = Amount>) -> Option<Amount> {
    amounts.try_fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).filter(|sum| *sum <= Amount::MAX_MONEY))
}

/// A block may hold what is locked until the block before it.
fn check_lock_time(transaction: &Transaction, place: Place) -> Result<(), &'static str> {
    let height = Height::from_consensus(place.height.saturating_sub(1)).map_err(|_| "non-final")?;
    let time = Time::from_consensus(place.median_time.saturating_sub(1)).map_err(|_| "non-final")?;
    if transaction.is_absolute_timelock_satisfied(height, time) { Ok(()) } else { Err("non-final") }
}

fn spent_coins<'a>(transaction: &Transaction, view: &'a View<'_>, place: Place) -> Result<Vec<&'a Coin>, &'static str> {
    let mut coins = Vec::with_capacity(transaction.input.len());
    for input in &transaction.input {
        let coin = view.coin(&input.previous_output).ok_or("bad-txns-inputs-missingorspent")?;
        let depth = place.height.saturating_sub(coin.height);
        if coin.is_coinbase && depth < MATURITY {
            return Err("bad-txns-premature-spend-of-coinbase");
        }
        // BIP 68. Locks in units of 512 seconds count as not reached: nothing here makes them.
        let is_reached = match input.sequence.to_relative_lock_time() {
            Some(relative::LockTime::Blocks(blocks)) => u32::from(blocks.value()) <= depth,
            Some(relative::LockTime::Time(_)) => false,
            None => true,
        };
        if transaction.version.0 >= 2 && !is_reached {
            return Err("non-BIP68-final");
        }
        coins.push(coin);
    }
    Ok(coins)
}

fn check_scripts(transaction: &Transaction, coins: &[&Coin], secp: &Secp256k1<VerifyOnly>) -> Result<(), &'static str> {
    let outputs: Vec<&TxOut> = coins.iter().map(|coin| &coin.output).collect();
    let prevouts = Prevouts::All(&outputs);
    for (index, (input, output)) in transaction.input.iter().zip(&outputs).enumerate() {
        let interpreter = Interpreter::from_txdata(
            &output.script_pubkey,
            &input.script_sig,
            &input.witness,
            input.sequence,
            transaction.lock_time,
        )
        .map_err(|_| "mandatory-script-verify-flag-failed")?;
        if interpreter.iter(secp, transaction, index, &prevouts).any(|condition| condition.is_err()) {
            return Err("mandatory-script-verify-flag-failed");
        }
    }
    Ok(())
}
