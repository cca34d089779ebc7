//! Lies about the schemes that contracts are sold under.

use std::collections::BTreeMap;

use audit_core::{
    accrual::AccrualFile,
    allocation::operator_id,
    audit::CheckId,
    entry::{Accrual, Entry, Maintenance, Scheme, Settlement, Terms},
    settlement::{Credit, SettlementFile, credits_root},
    work::{Sats, Work},
};

use super::{Cheats, sats};
use crate::evidence::Log;
use crate::operator::{
    ORIGIN, Script,
    cases::{Vector, of},
    terms,
};

/// Terms of buyer 1, who is never lied to, and of buyer 2.
pub fn with_buyer_2(second: Terms) -> [Terms; 2] {
    [terms(), second]
}

/// Buyer 2 mines solo.
pub fn solo() -> [Terms; 2] {
    with_buyer_2(Terms { scheme: Scheme::Solo, ..terms() })
}

/// How many units are not sold in a story in which one of the two blocks is drawn for the solo buyer.
///
/// # Panics
/// Never, as long as draws are as likely as units.
pub fn units_beside_a_solo_block() -> u128 {
    let has_solo_block = |own_units: &u128| {
        let story = Script::tell(&Cheats { terms: &solo(), own_units: *own_units, ..Cheats::default() });
        let log = Log::of_bundle(&story.files).expect("the story is a log");
        let solo =
            log.entries.iter().filter(|entry| matches!(entry, Entry::Settlement(it) if it.solo_sats > Sats::ZERO));
        solo.count() == 1
    };
    (1..50).find(has_solo_block).expect("two blocks of 49 tries")
}

/// Buyer 2 pays for running the machines: with one unit unsold a satoshi in each epoch.
pub fn charging() -> [Terms; 2] {
    with_buyer_2(Terms { maintenance: Maintenance::SatsPerThsDay(Sats::MAX), ..terms() })
}

/// Both buyers are of one PPLNS class.
pub fn pplns() -> [Terms; 2] {
    [Terms { scheme: Scheme::Pplns { window_work: Work::new(60) }, ..terms() }; 2]
}

/// Buyer 2 is paid by time, without and with fees.
pub fn pps() -> [Terms; 2] {
    with_buyer_2(Terms { scheme: Scheme::Pps, ..terms() })
}

/// See [`pps`].
pub fn fpps() -> [Terms; 2] {
    with_buyer_2(Terms { scheme: Scheme::Fpps, ..terms() })
}

pub(super) fn threats() -> BTreeMap<&'static str, Vector> {
    let solo = Cheats {
        terms: &solo(),
        own_units: units_beside_a_solo_block(),
        settlement: &keep_a_solo_block,
        ..Cheats::default()
    };
    let charging = Cheats { terms: &charging(), own_units: 1, settlement: &overcharge, ..Cheats::default() };
    let shifted = Cheats { terms: &pplns(), late_buyer: true, settlement: &shift_window, ..Cheats::default() };
    let pps_terms = pps();
    let softer = Cheats { terms: &pps_terms, accrual: &price_softer, ..Cheats::default() };
    let left_out = Cheats { terms: &pps_terms, accrual: &|_, _| false, epochs_after: 3, ..Cheats::default() };
    let fpps = Cheats { terms: &fpps(), fees: &|fees| fees.ppm += 1, ..Cheats::default() };
    let priced = Cheats { hashprice: Some(&|price| price.sats_per_phs_day += 1), ..Cheats::default() };
    let (settle_sum, accrual_sum) = (Some(CheckId::SettleSum), Some(CheckId::AccrualSum));
    BTreeMap::from([
        ("threat-misdraw-solo", of(&solo, settle_sum)),
        ("threat-overcharge-maintenance", of(&charging, settle_sum)),
        ("threat-soften-price", of(&softer, accrual_sum)),
        ("threat-leave-accrual-out", of(&left_out, accrual_sum)),
        ("threat-invent-fees", of(&fpps, Some(CheckId::InputChain))),
        ("threat-invent-hashprice", of(&priced, Some(CheckId::InputChain))),
        // Both buyers' credits change, so nobody's in particular is looked at.
        ("threat-shift-window", Vector { receipt: None, ..of(&shifted, settle_sum) }),
    ])
}

/// A block that is drawn for a solo contract becomes the operator's own.
fn keep_a_solo_block(entry: &mut Settlement, file: &mut SettlementFile) {
    if entry.solo_sats > Sats::ZERO {
        file.credits = vec![Credit { sats: entry.reward_sats, id: operator_id(ORIGIN) }];
        (entry.solo_sats, entry.fee_sats) = (Sats::ZERO, Sats::ZERO);
        entry.credits = credits_root(&file.credits).expect("one credit");
    }
}

/// Work is paid as if a block took twice as much of it; entry and file agree.
fn price_softer(entry: &mut Accrual, file: &mut AccrualFile) -> bool {
    file.credits.iter_mut().for_each(|credit| credit.sats = sats(credit.sats.get() / 2));
    entry.fee_sats = sats(entry.fee_sats.get() / 2);
    entry.credits = credits_root(&file.credits).expect("still a list");
    entry.gross_sats = sats(entry.credits.total_sats.get() + entry.fee_sats.get());
    true
}

/// The only contract that pays maintenance pays one satoshi more.
fn overcharge(entry: &mut Settlement, file: &mut SettlementFile) {
    let mine = crate::operator::receipt(1).contract_id();
    let others = file.credits.iter_mut().filter(|credit| ![mine, operator_id(ORIGIN)].contains(&credit.id));
    for credit in others {
        credit.sats = sats(credit.sats.get() - 1);
        entry.maintenance_sats = sats(entry.maintenance_sats.get() + 1);
    }
    entry.credits = credits_root(&file.credits).expect("still a list");
}

/// The window begins earlier than it should: the one who was there before gains what the other loses.
fn shift_window(entry: &mut Settlement, file: &mut SettlementFile) {
    let mine = crate::operator::receipt(1).contract_id();
    for credit in file.credits.iter_mut().filter(|credit| entry.to_epoch == 2 && credit.id != operator_id(ORIGIN)) {
        let gains = credit.id == mine;
        credit.sats = sats(if gains { credit.sats.get() + 1_000 } else { credit.sats.get() - 1_000 });
    }
    entry.credits = credits_root(&file.credits).expect("still a list");
}
