//! The rules a block must keep. Reasons are Bitcoin Core's (`validation.cpp`), so that both nodes speak alike.

use audit_core::{
    hash::BlockHash,
    header::Header,
    work::{Nbits, Sats},
};
use bitcoin::{
    Amount, Block, ScriptBuf, Transaction, Weight,
    blockdata::script::Builder,
    consensus::deserialize,
    secp256k1::{Secp256k1, VerifyOnly},
};

use super::{
    coins::Coins,
    transaction::{self, Place},
};

/// A header's time may be this far ahead of the clock (MAX_FUTURE_BLOCK_TIME).
const FUTURE_SECONDS: u32 = 7_200;
/// Largest block (MAX_BLOCK_WEIGHT); no block has more bytes than weight.
const MAX_WEIGHT: Weight = Weight::MAX_BLOCK;

/// What the next block must be.
pub(super) struct Expected {
    pub(super) prevhash: BlockHash,
    pub(super) height: u32,
    pub(super) nbits: Nbits,
    /// Median time past: the block must be later.
    pub(super) after: u32,
    pub(super) now: u32,
    /// The coinbase may pay at most this and the fees.
    pub(super) subsidy: Sats,
}

/// Checks a block, cheapest rule first; the reason when it breaks one.
pub(super) fn check(
    bytes: &[u8],
    expected: &Expected,
    coins: &Coins,
    secp: &Secp256k1<VerifyOnly>,
) -> Result<Block, &'static str> {
    let header = bytes.first_chunk::<80>().map(Header::from_bytes).ok_or("bad-blk-length")?;
    check_header(&header, expected)?;
    if bytes.len() as u64 > MAX_WEIGHT.to_wu() {
        return Err("bad-blk-length");
    }
    let block: Block = deserialize(bytes).map_err(|_| "bad-blk-decode")?;
    if block.weight() > MAX_WEIGHT {
        return Err("bad-blk-weight");
    }
    let (coinbase, others) = block.txdata.split_first().ok_or("bad-cb-missing")?;
    check_coinbase(coinbase, others, expected)?;
    if !block.check_merkle_root() {
        return Err("bad-txnmrklroot");
    }
    if !block.check_witness_commitment() {
        return Err("bad-witness-merkle-match");
    }
    let fees = check_transactions(others, expected, coins, secp)?;
    check_value(coinbase, expected, fees)?;
    Ok(block)
}

fn check_header(header: &Header, expected: &Expected) -> Result<(), &'static str> {
    let target = expected.nbits.target().ok_or("bad-diffbits")?;
    if header.nbits != expected.nbits {
        return Err("bad-diffbits");
    }
    if !target.is_met_by(&header.hash()) {
        return Err("high-hash");
    }
    if header.prevhash != expected.prevhash {
        return Err("bad-prevblk");
    }
    if header.ntime <= expected.after {
        return Err("time-too-old");
    }
    if header.ntime > expected.now.saturating_add(FUTURE_SECONDS) {
        return Err("time-too-new");
    }
    Ok(())
}

fn check_coinbase(coinbase: &Transaction, others: &[Transaction], expected: &Expected) -> Result<(), &'static str> {
    if !coinbase.is_coinbase() {
        return Err("bad-cb-missing");
    }
    if others.iter().any(Transaction::is_coinbase) {
        return Err("bad-cb-multiple");
    }
    let script = coinbase.input[0].script_sig.as_bytes();
    if !(2..=100).contains(&script.len()) {
        return Err("bad-cb-length");
    }
    if !script.starts_with(height_push(expected.height).as_bytes()) {
        return Err("bad-cb-height");
    }
    Ok(())
}

/// Each transaction may spend what those before it make; the sum of their fees.
fn check_transactions(
    transactions: &[Transaction],
    expected: &Expected,
    coins: &Coins,
    secp: &Secp256k1<VerifyOnly>,
) -> Result<Amount, &'static str> {
    let place = Place { height: expected.height, median_time: expected.after };
    let mut view = coins.view();
    let mut fees = Amount::ZERO;
    for transaction in transactions {
        let fee = transaction::check(transaction, &view, place, secp)?;
        fees = fees.checked_add(fee).ok_or("bad-txns-accumulated-fee-outofrange")?;
        view.apply(transaction, expected.height);
    }
    Ok(fees)
}

fn check_value(coinbase: &Transaction, expected: &Expected, fees: Amount) -> Result<(), &'static str> {
    let allowed = Amount::from_sat(expected.subsidy.get()).checked_add(fees);
    let paid = coinbase.output.iter().try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value));
    match (paid, allowed) {
        (Some(paid), Some(allowed)) if paid <= allowed => Ok(()),
        _ => Err("bad-cb-amount"),
    }
}

fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}
