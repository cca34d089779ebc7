//! Every scheme: honest logs hold, with the credits that the rules give.

use audit_core::{
    audit::{AuditRequest, CheckId},
    entry::{Entry, Settlement},
    settlement::SettlementFile,
    work::Sats,
};
use tests::operator::{
    Cheats, Script, Story, receipt,
    threats::schemes::{charging, pplns, solo},
};

use crate::cheats::{failed, request, run};

fn settlements(story: &Story) -> Vec<Settlement> {
    let log = tests::evidence::Log::of_bundle(&story.files).expect("the story is a log");
    let settlement = |entry| if let Entry::Settlement(settlement) = entry { Some(settlement) } else { None };
    log.entries.into_iter().filter_map(settlement).collect()
}

/// The credits of buyer 1 and of all others, by settlement.
fn credits(story: &Story) -> Vec<(u64, u64)> {
    let mine = receipt(1).contract_id();
    let of = |entry: &Settlement| {
        let file = &story.files[&SettlementFile::path(entry.settlement)];
        let credits = SettlementFile::from_bytes(file).expect("an honest file").credits;
        let (own, others): (Vec<_>, Vec<_>) = credits.iter().partition(|credit| credit.id == mine);
        let sum = |credits: Vec<&audit_core::settlement::Credit>| credits.iter().map(|it| it.sats.get()).sum();
        (sum(own), sum(others))
    };
    settlements(story).iter().map(of).collect()
}

#[track_caller]
fn held(cheats: &Cheats<'_>) -> Story {
    let story = Script::tell(cheats);
    let report = run(&story.files, &request(&story));
    assert!(report.held, "{:#?}", report.checks);
    story
}

#[test]
fn a_solo_block_is_one_contracts_and_solo_work_counts_for_no_other() {
    let story = held(&Cheats { terms: &solo(), own_units: 1, ..Cheats::default() });
    let drawn: Vec<u64> = settlements(&story).iter().map(|entry| entry.solo_sats.get()).collect();
    assert_eq!(drawn, [0, 5_000_000_000]);
    // Of 160 hashes 53, 80 and 27 are buyer 1's, the solo buyer's and the operator's: 53 of 80 count, less 2 %.
    assert_eq!(credits(&story), [(3_246_250_000, 1_687_500_000), (0, 4_900_000_000)]);
}

#[test]
fn a_pplns_class_is_paid_by_its_window() {
    let story = held(&Cheats { terms: &pplns(), late_buyer: true, ..Cheats::default() });
    // In epoch 2 the two of them did 20 and 30 of 120 hashes; within the last 60 of theirs, 30 and 30.
    assert_eq!(credits(&story), [(1_102_500_000, 3_875_000_000), (1_020_833_334, 3_937_500_000)]);
}

#[test]
fn maintenance_is_taken_by_work() {
    let story = held(&Cheats { terms: &charging(), own_units: 1, ..Cheats::default() });
    assert!(settlements(&story).iter().all(|entry| entry.maintenance_sats > Sats::ZERO));
}

#[test]
fn credits_out_of_order_are_no_settlement_under_any_scheme() {
    let story = Script::tell(&Cheats {
        terms: &pplns(),
        late_buyer: true,
        settlement: &|_, file| file.credits.reverse(),
        ..Cheats::default()
    });
    let report = run(&story.files, &AuditRequest { contract: None, ..request(&story) });
    assert_eq!(failed(&report), [CheckId::SettleSum]);
}
