//! Lies on which two independent verifiers once disagreed: kept as vectors, so that neither errs again.

use std::collections::BTreeMap;

use audit_core::{
    audit::CheckId,
    entry::{Entry, ExternalInput},
};

use super::{
    Cheats,
    cases::{Vector, of},
};

/// Every dispute by the name of its vector.
pub fn disputes() -> BTreeMap<&'static str, Vector> {
    let mut disputes = BTreeMap::new();
    let mut lie = |name, fails, entries: &dyn Fn(&mut Vec<Entry>)| {
        disputes.insert(name, of(&Cheats { entries, ..Cheats::default() }, Some(fails)));
    };
    lie("dispute-settled-early", CheckId::SettleSum, &settle_before_decisions);
    lie("dispute-settled-undecided", CheckId::SettleSum, &leave_a_block_undecided);
    lie("dispute-decided-before-found", CheckId::BlockAll, &decide_before_found);
    lie("dispute-fee-above-all", CheckId::LogComplete, &charge_more_than_all);
    lie("dispute-input-no-number", CheckId::LogComplete, &log_words_for_a_number);
    lie("dispute-other-proof-of-work", CheckId::LogComplete, &change_the_proof_of_work);
    disputes
}

/// The last settlement stands behind the close of its epoch, before any of its blocks is decided.
fn settle_before_decisions(entries: &mut Vec<Entry>) {
    let settlement = entries.remove(last(entries, |entry| matches!(entry, Entry::Settlement(_))));
    let close = last(entries, |entry| matches!(entry, Entry::EpochClose(_)));
    entries.insert(close + 1, settlement);
}

/// The last group settles although one of its blocks never is decided.
fn leave_a_block_undecided(entries: &mut Vec<Entry>) {
    entries.remove(last(entries, |entry| matches!(entry, Entry::BlockOrphaned(_))));
}

/// A block's fate is logged before the block is.
fn decide_before_found(entries: &mut Vec<Entry>) {
    let fate = entries.remove(last(entries, |entry| matches!(entry, Entry::BlockOrphaned(_))));
    let open = last(entries, |entry| matches!(entry, Entry::EpochOpen(_)));
    entries.insert(open + 1, fate);
}

fn charge_more_than_all(entries: &mut Vec<Entry>) {
    let mut terms = entries[last(entries, |entry| matches!(entry, Entry::Terms(_)))].clone();
    if let Entry::Terms(terms) = &mut terms {
        terms.fee_ppm = 1_000_001;
    }
    entries.push(terms);
}

fn log_words_for_a_number(entries: &mut Vec<Entry>) {
    let (name, source) = ("hashprice_sats_per_phs_day".into(), "https://hashprice.test/".into());
    entries.push(Entry::ExternalInput(ExternalInput { name, value: "a few".into(), source, at_ms: super::START_MS }));
}

fn change_the_proof_of_work(entries: &mut Vec<Entry>) {
    let mut manifest = entries[last(entries, |entry| matches!(entry, Entry::Manifest(_)))].clone();
    if let Entry::Manifest(manifest) = &mut manifest {
        manifest.proof_of_work = "scrypt".into();
    }
    entries.push(manifest);
}

fn last(entries: &[Entry], is: impl Fn(&Entry) -> bool) -> usize {
    entries.iter().rposition(is).expect("the script logs one")
}
