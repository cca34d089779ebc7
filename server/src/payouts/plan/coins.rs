//! Which coins a payout spends: change first, since no list of liabilities counts it, then the oldest rewards.

use audit_core::work::Sats;
use bitcoin::ScriptBuf;

use super::{Bounds, dust};
use crate::db::payouts::{Input, SpendableCoin};

/// Inputs at most: with as many outputs as are allowed far below the 100,000 virtual bytes that nodes relay.
const INPUTS: usize = 500;
/// Version, lock time, marker and flag, and both counts (BIP 144), in weight units; counts at their longest here.
const OVERHEAD_WEIGHT: u64 = 4 * (4 + 4 + 3 + 3) + 2;

/// Coins that cover a payout, and what is left of them.
pub(super) struct Spent {
    pub inputs: Vec<Input>,
    pub fee: Sats,
    pub change: Sats,
    pub vsize: u64,
}

/// The coins in the order in which they are taken.
pub(super) fn in_order(coins: &[SpendableCoin]) -> Vec<Input> {
    let mut coins: Vec<&SpendableCoin> = coins.iter().collect();
    coins.sort_by_key(|coin| (!coin.is_change, coin.height, coin.coin.point));
    coins.iter().take(INPUTS).map(|coin| coin.coin).collect()
}

/// What these coins can pay to outputs with scripts of these lengths, if all are spent.
pub(super) fn available(coins: &[Input], scripts: impl IntoIterator<Item = usize>, bounds: &Bounds) -> Sats {
    let fee = bounds.rate.fee(vsize(coins.len(), scripts, bounds));
    let worth: u64 = coins.iter().map(|coin| coin.sats.get()).sum();
    Sats::new(worth.saturating_sub(fee.get())).unwrap_or(Sats::MAX)
}

/// The first coins that cover `total` and the fee; `None` when all don't.
pub(super) fn select(coins: &[Input], total: Sats, outputs: &[(ScriptBuf, Sats)], bounds: &Bounds) -> Option<Spent> {
    let scripts: Vec<usize> = outputs.iter().map(|(script, _)| script.len()).collect();
    let with_change: Vec<usize> = scripts.iter().copied().chain([bounds.change_script.len()]).collect();
    let mut worth = 0u64;
    for (count, coin) in (1..).zip(coins) {
        worth = worth.checked_add(coin.sats.get())?;
        let Some(rest) = worth.checked_sub(total.get()) else { continue };
        let spent = |fee: u64, vsize| {
            let (fee, change) = (Sats::new(fee)?, Sats::new(rest - fee)?);
            Some(Spent { inputs: coins[..count].to_vec(), fee, change, vsize })
        };
        let larger = vsize(count, with_change.iter().copied(), bounds);
        let fee = bounds.rate.fee(larger).get();
        if rest >= fee.saturating_add(dust(&bounds.change_script).get()) {
            return spent(fee, larger);
        }
        let smaller = vsize(count, scripts.iter().copied(), bounds);
        if rest >= bounds.rate.fee(smaller).get() {
            return spent(rest, smaller);
        }
    }
    None
}

/// Virtual bytes of a transaction, with signatures at their longest.
fn vsize(inputs: usize, outputs: impl IntoIterator<Item = usize>, bounds: &Bounds) -> u64 {
    // Amount and length of the script.
    let outputs: u64 = outputs.into_iter().map(|script| 4 * (8 + 1 + script as u64)).sum();
    (OVERHEAD_WEIGHT + inputs as u64 * bounds.input_weight + outputs).div_ceil(4)
}
