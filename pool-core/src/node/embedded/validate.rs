//! The rules a block must keep. Reasons are Bitcoin Core's (`validation.cpp`), so that both nodes speak alike.

use audit_core::{
    hash::BlockHash,
    header::Header,
    work::{Nbits, Sats},
};
use bitcoin::{Block, ScriptBuf, blockdata::script::Builder, consensus::deserialize};

use crate::node::chain_block::{ChainBlock, without_witness};

/// A header's time may be this far ahead of the clock (MAX_FUTURE_BLOCK_TIME).
const FUTURE_SECONDS: u32 = 7_200;
/// Far above what a block with one coinbase needs, far below what hurts.
const MAX_BLOCK: usize = 100_000;

/// What the next block must be.
pub(super) struct Expected {
    pub(super) prevhash: BlockHash,
    pub(super) height: u32,
    pub(super) nbits: Nbits,
    /// Median time past: the block must be later.
    pub(super) after: u32,
    pub(super) now: u32,
    /// The coinbase may pay at most this.
    pub(super) value: Sats,
}

/// Checks a block, cheapest rule first; the reason when it breaks one.
pub(super) fn check(bytes: &[u8], expected: &Expected) -> Result<ChainBlock, &'static str> {
    let header = bytes.first_chunk::<80>().map(Header::from_bytes).ok_or("bad-blk-length")?;
    check_header(&header, expected)?;
    if bytes.len() > MAX_BLOCK {
        return Err("bad-blk-length");
    }
    let block: Block = deserialize(bytes).map_err(|_| "bad-blk-decode")?;
    check_coinbase(&block, expected)?;
    if !block.check_merkle_root() {
        return Err("bad-txnmrklroot");
    }
    if !block.check_witness_commitment() {
        return Err("bad-witness-merkle-match");
    }
    let coinbase = block.txdata.first().map(without_witness).unwrap_or_default();
    Ok(ChainBlock { header, coinbase, branch: Vec::new() })
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

fn check_coinbase(block: &Block, expected: &Expected) -> Result<(), &'static str> {
    let [coinbase] = &block.txdata[..] else { return Err("bad-cb-multiple") };
    if !coinbase.is_coinbase() {
        return Err("bad-cb-missing");
    }
    let script = coinbase.input[0].script_sig.as_bytes();
    if !(2..=100).contains(&script.len()) {
        return Err("bad-cb-length");
    }
    if !script.starts_with(height_push(expected.height).as_bytes()) {
        return Err("bad-cb-height");
    }
    let outputs = coinbase.output.iter().try_fold(0u64, |sum, output| sum.checked_add(output.value.to_sat()));
    match outputs {
        Some(sum) if sum <= expected.value.get() => Ok(()),
        _ => Err("bad-cb-amount"),
    }
}

fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}
