//! A plan as a transaction to be signed.

use anyhow::{Context, Result, ensure};
use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid};

use super::keys::PayoutKeys;
use super::plan::{Plan, dust};
use crate::db::payouts::{Attempt, Input};

/// The first attempt of a payout.
pub(super) fn first(payout: u64, plan: &Plan, keys: &PayoutKeys) -> Result<Attempt> {
    let outputs = plan.outputs.iter().map(|(script, sats)| output(script.clone(), *sats));
    let change = (plan.change > Sats::ZERO).then(|| output(keys.script(), plan.change));
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: plan.inputs.iter().map(spend).collect(),
        output: outputs.chain(change).collect(),
    };
    let money = Money { fee: plan.fee, change: plan.change, vsize: plan.vsize };
    attempt(payout, 1, transaction, &plan.inputs, money, keys)
}

/// The same payments with a higher fee, taken from the change. `None` when there is not enough of it.
pub(super) fn replacement(last: &Attempt, inputs: &[Input], fee: Sats, keys: &PayoutKeys) -> Result<Option<Attempt>> {
    let Some(change) = last.change.checked_add(last.fee).and_then(|sum| sum.checked_sub(fee)) else { return Ok(None) };
    if last.change == Sats::ZERO || change < dust(&keys.script()) {
        return Ok(None);
    }
    let mut transaction = psbt(last)?.unsigned_tx;
    let rest = transaction.output.last_mut().context("a transaction has outputs")?;
    ensure!(rest.script_pubkey == keys.script(), "the last output is not the change");
    rest.value = Amount::from_sat(change.get());
    let money = Money { fee, change, vsize: last.vsize };
    attempt(last.payout, last.attempt + 1, transaction, inputs, money, keys).map(Some)
}

/// An attempt's PSBT.
pub(super) fn psbt(attempt: &Attempt) -> Result<Psbt> {
    Psbt::deserialize(&attempt.psbt).context("a stored PSBT")
}

/// An attempt's transaction without witnesses, whose hash is its txid.
pub(super) fn unsigned_bytes(attempt: &Attempt) -> Result<Vec<u8>> {
    Ok(bitcoin::consensus::encode::serialize(&psbt(attempt)?.unsigned_tx))
}

struct Money {
    fee: Sats,
    change: Sats,
    vsize: u64,
}

fn attempt(
    payout: u64,
    attempt: u64,
    transaction: Transaction,
    inputs: &[Input],
    money: Money,
    keys: &PayoutKeys,
) -> Result<Attempt> {
    let by_point = |input: &TxIn| inputs.iter().find(|coin| outpoint(coin) == input.previous_output);
    let spent = transaction.input.iter().map(|input| Some(output(keys.script(), by_point(input)?.sats)));
    let spent: Vec<TxOut> = spent.collect::<Option<_>>().context("an attempt spends a coin that is not reserved")?;
    let txid = BlockHash(transaction.compute_txid().to_byte_array());
    let mut psbt = Psbt::from_unsigned_tx(transaction)?;
    keys.describe(&mut psbt, &spent)?;
    let Money { fee, change, vsize } = money;
    Ok(Attempt { payout, attempt, txid, fee, change, vsize, psbt: psbt.serialize(), signed: None })
}

fn output(script_pubkey: ScriptBuf, sats: Sats) -> TxOut {
    TxOut { value: Amount::from_sat(sats.get()), script_pubkey }
}

/// Replaceable (BIP 125), since the fee may have to be raised.
fn spend(coin: &Input) -> TxIn {
    TxIn { previous_output: outpoint(coin), sequence: Sequence::ENABLE_RBF_NO_LOCKTIME, ..TxIn::default() }
}

fn outpoint(coin: &Input) -> OutPoint {
    OutPoint { txid: Txid::from_byte_array(coin.point.txid.0), vout: coin.point.vout }
}
