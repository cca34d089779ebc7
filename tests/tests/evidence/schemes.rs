//! Every scheme: honest logs hold, with the credits that the rules give.

use audit_core::{
    audit::{AuditRequest, CheckId},
    entry::{Entry, ExternalInput, Settlement},
    hash::BlockHash,
    scheme::Hashprice,
    settlement::SettlementFile,
    work::Sats,
};
use tests::operator::{
    Cheats, Script, Story, receipt,
    threats::schemes::{charging, fpps, pplns, pps, solo, units_beside_a_solo_block},
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
    let own_units = units_beside_a_solo_block();
    let story = held(&Cheats { terms: &solo(), own_units, ..Cheats::default() });
    for (entry, (mine, others)) in settlements(&story).iter().zip(credits(&story)) {
        if entry.solo_sats > Sats::ZERO {
            assert_eq!((mine, others), (0, 4_900_000_000), "the whole block, less 2 %");
        } else {
            // The operator pays no fee, and the solo contract has no part.
            let gross = mine + entry.fee_sats.get();
            assert_eq!(gross + others, 5_000_000_000);
            let of_mine = 5_000_000_000 * 2 / (2 + u64::try_from(own_units).expect("few"));
            assert!(gross.abs_diff(of_mine) < 100_000_000, "{gross} of {of_mine}: hashes are whole");
        }
    }
}

#[test]
fn a_pplns_class_is_paid_by_its_window() {
    let story = held(&Cheats { terms: &pplns(), late_buyer: true, ..Cheats::default() });
    // In epoch 2 the two of them did 20 and 30 of 120 hashes; within the last 60 of theirs, 30 and 30.
    assert_eq!(credits(&story), [(1_102_500_000, 3_875_000_000), (1_020_833_333, 3_937_500_001)]);
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

#[test]
fn what_is_paid_by_time_is_worth_its_part_of_a_block_whatever_is_found() {
    let story = held(&Cheats { terms: &pps(), ..Cheats::default() });
    // 3 of 12 units of 160 and 120 hashes; a block of 50 BTC takes 15, rounded down. Less 2 %.
    assert_eq!(accrued(&story), [40, 30].map(|hashes| less_fee(hashes * 5_000_000_000 / 15)));
}

#[test]
fn with_fees_it_is_worth_what_the_chains_blocks_pay() {
    let story = held(&Cheats { terms: &fpps(), ..Cheats::default() });
    // One of 14 blocks paid 1.3 BTC of fees: 1,857 millionths of all subsidies.
    assert_eq!(accrued(&story), [40, 30].map(|hashes| less_fee(hashes * 5_000 * 1_001_857 / 15)));
}

#[test]
fn an_accrual_that_nothing_calls_for_fails_accrual_sum() {
    let story = Script::tell(&Cheats { terms: &pps(), ..Cheats::default() });
    let log = tests::evidence::Log::of_bundle(&story.files).expect("the story is a log");
    let accrual = log.entries.into_iter().find(|entry| matches!(entry, Entry::Accrual(_))).expect("there is one");
    let again = |entries: &mut Vec<Entry>| entries.push(accrual.clone());
    let cheats = Cheats { terms: &pps(), entries: &again, ..Cheats::default() };
    let story = Script::tell(&cheats);
    assert_eq!(failed(&run(&story.files, &request(&story))), [CheckId::AccrualSum]);
}

#[test]
fn an_old_fee_rate_fails_input_chain() {
    let none = |entries: &mut Vec<Entry>| entries.retain(|entry| !matches!(entry, Entry::ExternalInput(_)));
    let story = Script::tell(&Cheats { terms: &fpps(), contract: &none, ..Cheats::default() });
    let failed = failed(&run(&story.files, &request(&story)));
    assert!(failed.contains(&CheckId::InputChain), "{failed:?}");
}

#[test]
fn a_hashprice_that_the_chain_says_holds() {
    let story = held(&Cheats { hashprice: Some(&|_| {}), ..Cheats::default() });
    let input = inputs(&story).into_iter().find_map(|input| Hashprice::of(&input)).expect("it is logged");
    // 5,000,000,000 satoshis for 15 hashes, for 86,400 seconds of 10^15 hashes.
    assert_eq!(input.sats_per_phs_day, 86_400 * 1_000_000_000_000_000 * 5_000_000_000 / 15);
}

#[test]
fn a_hashprice_of_a_block_that_was_left_behind_fails_input_chain() {
    let other = |price: &mut Hashprice| price.hash = BlockHash([7; 32]);
    let story = Script::tell(&Cheats { hashprice: Some(&other), ..Cheats::default() });
    assert_eq!(failed(&run(&story.files, &request(&story))), [CheckId::InputChain]);
}

fn inputs(story: &Story) -> Vec<ExternalInput> {
    let log = tests::evidence::Log::of_bundle(&story.files).expect("the story is a log");
    let input = |entry| if let Entry::ExternalInput(input) = entry { Some(input) } else { None };
    log.entries.into_iter().filter_map(input).collect()
}

fn less_fee(gross: u64) -> u64 {
    gross - gross * 2 / 100
}

/// What accruals credit.
fn accrued(story: &Story) -> Vec<u64> {
    let log = tests::evidence::Log::of_bundle(&story.files).expect("the story is a log");
    let total = |entry| if let Entry::Accrual(accrual) = entry { Some(accrual.credits.total_sats.get()) } else { None };
    log.entries.into_iter().filter_map(total).collect()
}
