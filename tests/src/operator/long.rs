//! Logs with more shares than the story's, and nothing else in them.

use audit_core::{
    allocation::{AllocationEntry, operator_id},
    bundle::Files,
    hash::Hash32,
    policy::Policy,
    seal::SealedEpoch,
    work::{Nbits, Units},
};

use super::{Chain, Cheats, ORIGIN, Operator, Script};
use crate::evidence::Log;

/// Epochs of a day of five minutes each.
const DAY_EPOCHS: usize = 288;
/// One share a second, were the epochs five minutes long.
const DAY_SHARES: usize = 300;
/// A new job every half minute.
const JOBS: usize = 10;
/// Levels of the branch of a block of about 4,000 transactions.
const BRANCH: u8 = 12;
/// Bitcoin's target in 2024, so that no share is a block.
const BITCOIN_NBITS: u32 = 0x1703_1abe;

/// A log of one epoch for each number of shares, the last one open; `cheat` may change what is sealed.
///
/// # Panics
/// Never with an honest cheat.
pub fn log_of(shares: &[usize], nbits: u32, cheat: &dyn Fn(&mut SealedEpoch)) -> (Files, Policy) {
    let nbits = Nbits::new(nbits);
    log_with(shares, nbits, cheat, &|operator, epoch, shares| {
        operator.add_job(epoch, &|_| {}, &|job| job.nbits = nbits);
        operator.mine(epoch, shares);
    })
}

/// A day's log as a customer of a pool would verify it: 86,400 shares in 288 sealed epochs, see [`like_bitcoin`].
pub fn day() -> (Files, Policy) {
    let mut shares = [DAY_SHARES; DAY_EPOCHS + 1];
    shares[DAY_EPOCHS] = 0;
    like_bitcoin(&shares)
}

/// A log of one epoch for each number of shares, the last one open, with jobs, branches and the network target as on
/// Bitcoin; only the shares' level is so easy that they are mined in seconds.
pub fn like_bitcoin(shares: &[usize]) -> (Files, Policy) {
    let nbits = Nbits::new(BITCOIN_NBITS);
    log_with(shares, nbits, &|_| {}, &|operator, epoch, shares| {
        for _ in 0..JOBS {
            operator.add_job(epoch, &|_| {}, &|job| {
                job.branch = (0..BRANCH).map(|level| Hash32([level; 32])).collect();
                job.nbits = nbits;
            });
            operator.mine(epoch, shares / JOBS);
        }
    })
}

/// Adds jobs and so many shares to an open epoch.
type Mine<'a> = &'a dyn Fn(&mut Operator<'_>, u64, usize);

fn log_with(shares: &[usize], nbits: Nbits, cheat: &dyn Fn(&mut SealedEpoch), mine: Mine<'_>) -> (Files, Policy) {
    let mut operator = Operator::on([7; 32], Chain::of_genesis(nbits));
    // The rules are those of the story; only its work is another.
    let story = Log::of_bundle(&Script::tell(&Cheats::default()).files).expect("the story is a log");
    for entry in story.entries.into_iter().take(2) {
        operator.append(entry);
    }
    let own = AllocationEntry { units: Units::new(1).expect("positive"), id: operator_id(ORIGIN) };
    for (epoch, shares) in (1..).zip(shares) {
        operator.open_epoch(epoch, vec![own], &|_| {});
        if epoch > 1 {
            operator.close_epoch(epoch - 1, cheat);
        }
        if *shares > 0 {
            mine(&mut operator, epoch, *shares);
        }
    }
    (operator.publish(), operator.policy())
}
