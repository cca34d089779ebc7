//! Lies about how a contract's life goes on and ends.

use std::collections::BTreeMap;

use audit_core::{
    audit::CheckId,
    entry::{Conclusion, ContractOpen, Entry, Maintenance, Refund, Shortfall, Suspension, Terms},
    life::{ChangeKind, ConclusionFile},
};

use super::{Cheats, sats};
use crate::operator::{
    EPOCH_MS, START_MS,
    cases::{Vector, of},
    life::change,
    terms,
};

/// When contracts end that end in epoch 3.
pub const ENDS_IN_EPOCH_3: u64 = START_MS + 5 * EPOCH_MS / 2;

/// Unused time and missing work are paid back to both buyers.
pub fn giving_back() -> [Terms; 2] {
    let shortfall = Shortfall::MakeGood { tolerance_ppm: 10_000 };
    [Terms { shortfall, refund: Refund::UnusedTime, ..terms() }; 2]
}

/// Nothing is left to the buyers behind the fee, so running the machines never pays: both are suspended after an epoch.
pub fn unprofitable() -> [Terms; 2] {
    let suspension = Suspension::Unprofitable { periods: 1, resume_ppm: 1_000_000, resume_periods: 1 };
    let (maintenance, fee_ppm) = (Maintenance::SatsPerThsDay(sats(1)), 1_000_000);
    giving_back().map(|terms| Terms { maintenance, fee_ppm, suspension, ..terms })
}

/// The operator closes buyer 2's contract when epoch 1 ends.
pub fn close_early(epoch: u64, sold: &[ContractOpen], due: &mut Vec<Entry>) {
    if epoch == 1 {
        due.push(change(ChangeKind::Closed, &sold[0], "the operator's own"));
    }
}

pub(super) fn threats() -> BTreeMap<&'static str, Vector> {
    let (life, sum) = (Some(CheckId::ContractLife), Some(CheckId::ConclusionSum));
    let giving_back = giving_back();
    let ended = || Cheats { terms: &giving_back, until_ms: ENDS_IN_EPOCH_3, epochs_after: 4, ..Cheats::default() };
    let suspended = unprofitable();
    BTreeMap::from([
        ("threat-suspend-without-cause", of(&Cheats { life: &suspend, ..Cheats::default() }, life)),
        (
            "threat-keep-running-at-a-loss",
            of(&Cheats { terms: &suspended, life: &forget, epochs_after: 4, ..Cheats::default() }, life),
        ),
        ("threat-close-early", of(&Cheats { life: &close_early, epochs_after: 1, ..Cheats::default() }, life)),
        ("threat-never-end", of(&Cheats { life: &forget, ..ended() }, life)),
        ("threat-keep-what-is-missing", of(&Cheats { conclusion: &|_, _| false, ..ended() }, sum)),
        ("threat-make-good-less", of(&Cheats { conclusion: &make_good_less, ..ended() }, sum)),
        (
            "threat-refund-less",
            of(
                &Cheats {
                    terms: &giving_back,
                    life: &close_early,
                    conclusion: &refund_less,
                    epochs_after: 1,
                    ..Cheats::default()
                },
                sum,
            ),
        ),
    ])
}

fn suspend(epoch: u64, sold: &[ContractOpen], due: &mut Vec<Entry>) {
    if epoch == 1 {
        due.push(change(ChangeKind::Suspended, &sold[0], "the operator's own"));
    }
}

fn forget(_: u64, _: &[ContractOpen], due: &mut Vec<Entry>) {
    due.clear();
}

/// Who is owed most for missing work gets a satoshi less; entry and file agree.
fn make_good_less(entry: &mut Conclusion, file: &mut ConclusionFile) -> bool {
    if let Some(row) = file.rows.iter_mut().max_by_key(|row| row.owed.make_good) {
        row.owed.make_good = sats(row.owed.make_good.get() - 1);
        entry.make_good_sats = sats(entry.make_good_sats.get() - 1);
    }
    entry.credits = file.root().expect("still a list");
    true
}

/// The same for unused time.
fn refund_less(entry: &mut Conclusion, file: &mut ConclusionFile) -> bool {
    for row in &mut file.rows {
        row.owed.refund = sats(row.owed.refund.get() - 1);
        entry.refund_sats = sats(entry.refund_sats.get() - 1);
    }
    entry.credits = file.root().expect("still a list");
    true
}
