//! Logs with more shares than the story's, and nothing else in them.

use audit_core::{
    allocation::{AllocationEntry, operator_id},
    bundle::Files,
    policy::Policy,
    seal::SealedEpoch,
    work::{Nbits, Units},
};

use super::{Chain, Cheats, ORIGIN, Operator, Script};
use crate::evidence::Log;

/// A log of one epoch for each number of shares, the last one open; `cheat` may change what is sealed.
///
/// # Panics
/// Never with an honest cheat.
pub fn log_of(shares: &[usize], nbits: u32, cheat: &dyn Fn(&mut SealedEpoch)) -> (Files, Policy) {
    let nbits = Nbits::new(nbits);
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
            operator.add_job(epoch, &|_| {}, &|job| job.nbits = nbits);
            operator.mine(epoch, *shares);
        }
    }
    (operator.publish(), operator.policy())
}
