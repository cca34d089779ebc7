//! Contracts' lives: honest logs hold, with what the rules give back, and every change that no rule calls for is found.

use audit_core::{
    audit::{AuditReport, AuditRequest, CheckId, ContractQuery},
    entry::{ContractOpen, Entry, Terms},
    life::ConclusionFile,
};
use tests::operator::{
    Cheats, Script, Story, terms,
    threats::life::{ENDS_IN_EPOCH_3, close_early, giving_back, unprofitable},
};

use crate::cheats::{failed, request, run};

fn report_of(story: &Story) -> AuditReport {
    let contract = Some(ContractQuery::Receipt(story.receipt.clone()));
    run(&story.files, &AuditRequest { contract, ..request(story) })
}

#[track_caller]
fn held(cheats: &Cheats<'_>) -> (Story, AuditReport) {
    let story = Script::tell(cheats);
    let report = report_of(&story);
    assert!(report.held, "{:#?}", report.checks);
    (story, report)
}

#[track_caller]
fn fails(cheats: &Cheats<'_>, expected: CheckId) {
    assert_eq!(failed(&report_of(&Script::tell(cheats))), [expected]);
}

fn entries(story: &Story) -> Vec<Entry> {
    tests::evidence::Log::of_bundle(&story.files).expect("the story is a log").entries
}

fn rows(story: &Story, conclusion: u64) -> Vec<(u64, u64)> {
    let file = ConclusionFile::from_bytes(&story.files[&ConclusionFile::path(conclusion)]).expect("an honest file");
    file.rows.iter().map(|row| (row.owed.refund.get(), row.owed.make_good.get())).collect()
}

fn ended(terms: &[Terms]) -> Cheats<'_> {
    Cheats { terms, until_ms: ENDS_IN_EPOCH_3, epochs_after: 4, ..Cheats::default() }
}

#[test]
fn a_term_that_is_over_is_closed_and_missing_work_paid_back() {
    let terms = giving_back();
    let (story, report) = held(&ended(&terms));
    // 2 H/s for 25 s: 50 hashes, of which 47 came; one percent, 0.5 hashes, is tolerated. 26 s cost 10,000,000 sats.
    let mine = 10_000_000 * (49_500 - 47_000) / (2 * 26_000);
    // 3 H/s: of 75 hashes 70 came, and 0.75 are tolerated.
    let other = 10_000_000 * (74_250 - 70_000) / (3 * 26_000);
    let mut paid_back = rows(&story, 3);
    paid_back.sort_unstable();
    assert_eq!(paid_back, [(0, mine), (0, other)]);
    let closes = entries(&story).into_iter().filter(|entry| matches!(entry, Entry::ContractClose(_)));
    assert_eq!(closes.count(), 2);
    let contract = report.contract.expect("it was asked for");
    assert_eq!(contract.conclusions.len(), 1);
    assert_eq!(contract.conclusions[0].credit_sats.get(), mine);
    // 28 and 20 of 160 and 120 hashes, as in the story in which nothing ends, and what is paid back.
    assert_eq!(contract.credited_sats.get(), 826_875_000 + 816_666_667 + mine);
}

#[test]
fn terms_that_give_nothing_back_still_end() {
    let (story, _) = held(&ended(&[terms(), terms()]));
    assert!(!story.files.contains_key(&ConclusionFile::path(3)));
    assert_eq!(entries(&story).iter().filter(|entry| matches!(entry, Entry::ContractClose(_))).count(), 2);
}

#[test]
fn contracts_that_do_not_pay_are_suspended_and_their_unused_time_is_paid_back() {
    let terms = unprofitable();
    let (story, report) = held(&ended(&terms));
    assert_eq!(entries(&story).iter().filter(|entry| matches!(entry, Entry::ContractSuspend(_))).count(), 2);
    // Suspended behind epoch 1, when epoch 2 was open: epoch 3 is unused, 5 s of which were in the term of 26 s.
    let refunds: Vec<u64> = rows(&story, 3).iter().map(|(refund, _)| *refund).collect();
    assert_eq!(refunds, [10_000_000 * 5 / 26; 2]);
    let contract = report.contract.expect("it was asked for");
    assert_eq!(contract.promised_work.get(), 40, "two epochs of 2 H/s for 10 s");
}

#[test]
fn a_contract_that_the_operator_closes_gets_the_price_of_what_was_left() {
    let terms = giving_back();
    let (story, _) = held(&Cheats { terms: &terms, life: &close_early, epochs_after: 1, ..Cheats::default() });
    // Closed while epoch 2 was open: 80 s of 101 s were left. 70 hashes came for 3 H/s in 20 s.
    assert_eq!(rows(&story, 2), [(10_000_000 * 80 / 101, 0)]);
}

#[test]
fn a_change_that_is_out_of_place_fails_contract_life() {
    let terms = giving_back();
    let twice = |epoch: u64, _: &[ContractOpen], due: &mut Vec<Entry>| {
        if epoch == 3 {
            due.extend(due.clone());
        }
    };
    fails(&Cheats { life: &twice, ..ended(&terms) }, CheckId::ContractLife);
    let otherwise = |_: u64, _: &[ContractOpen], due: &mut Vec<Entry>| {
        for entry in due {
            if let Entry::ContractClose(change) = entry {
                change.reason = "fulfilled, more or less".into();
            }
        }
    };
    fails(&Cheats { life: &otherwise, ..ended(&terms) }, CheckId::ContractLife);
    let suspended = unprofitable();
    let resumed = |epoch: u64, _: &[ContractOpen], due: &mut Vec<Entry>| {
        let resume = |entry: &Entry| match entry {
            Entry::ContractSuspend(change) => Some(Entry::ContractResume(change.clone())),
            _ => None,
        };
        if epoch == 1 {
            due.extend(due.clone().iter().filter_map(resume));
        }
    };
    fails(&Cheats { terms: &suspended, life: &resumed, ..Cheats::default() }, CheckId::ContractLife);
}

#[test]
fn a_late_close_fails_contract_life() {
    let terms = giving_back();
    let late = |entries: &mut Vec<Entry>| {
        let position = entries.iter().position(|entry| matches!(entry, Entry::ContractClose(_))).expect("it ends");
        let close = entries.remove(position);
        entries.push(close);
    };
    // Its place moves the heads that later anchors name, so jobs and shares are not judged here.
    let story = Script::tell(&Cheats { entries: &late, ..ended(&terms) });
    assert!(failed(&report_of(&story)).contains(&CheckId::ContractLife));
}

#[test]
fn a_conclusion_that_nothing_calls_for_fails_conclusion_sum() {
    let terms = giving_back();
    let story = Script::tell(&ended(&terms));
    let conclusion = entries(&story).into_iter().find(|entry| matches!(entry, Entry::Conclusion(_)));
    let again = |entries: &mut Vec<Entry>| entries.extend(conclusion.clone());
    fails(&Cheats { entries: &again, ..ended(&terms) }, CheckId::ConclusionSum);
}
