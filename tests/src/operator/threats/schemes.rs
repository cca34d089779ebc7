//! Lies about the schemes that contracts are sold under.

use std::collections::BTreeMap;

use audit_core::{
    allocation::operator_id,
    audit::CheckId,
    entry::{Maintenance, Scheme, Settlement, Terms},
    settlement::{Credit, SettlementFile, credits_root},
    work::{Sats, Work},
};

use super::{Cheats, sats};
use crate::operator::{
    ORIGIN,
    cases::{Vector, of},
    terms,
};

/// Terms of buyer 1, who is never lied to, and of buyer 2.
pub fn with_buyer_2(second: Terms) -> [Terms; 2] {
    [terms(), second]
}

/// Buyer 2 mines solo. With one unit unsold a block of two is his.
pub fn solo() -> [Terms; 2] {
    with_buyer_2(Terms { scheme: Scheme::Solo, ..terms() })
}

/// Buyer 2 pays for running the machines: with one unit unsold a satoshi in each epoch.
pub fn charging() -> [Terms; 2] {
    with_buyer_2(Terms { maintenance: Maintenance::SatsPerThsDay(Sats::MAX), ..terms() })
}

/// Both buyers are of one PPLNS class.
pub fn pplns() -> [Terms; 2] {
    [Terms { scheme: Scheme::Pplns { window_work: Work::new(60) }, ..terms() }; 2]
}

pub(super) fn threats() -> BTreeMap<&'static str, Vector> {
    let solo = Cheats { terms: &solo(), own_units: 1, settlement: &keep_a_solo_block, ..Cheats::default() };
    let charging = Cheats { terms: &charging(), own_units: 1, settlement: &overcharge, ..Cheats::default() };
    let shifted = Cheats { terms: &pplns(), late_buyer: true, settlement: &shift_window, ..Cheats::default() };
    let settle_sum = Some(CheckId::SettleSum);
    BTreeMap::from([
        ("threat-misdraw-solo", of(&solo, settle_sum)),
        ("threat-overcharge-maintenance", of(&charging, settle_sum)),
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
