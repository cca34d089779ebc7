//! What is owed: a list that leaves something out, coins that back nothing, payouts that pay someone else.

use audit_core::{
    allocation::{AllocationEntry, operator_id},
    audit::{AuditReport, AuditRequest, CheckId, CheckReport, ContractQuery, Outcome},
    bundle::Files,
    entry::{Entry, EpochOpen, Liabilities},
    hash::{BlockHash, Hash32},
    liabilities::{Coin, LiabilitiesFile},
    payout::PayoutRow,
    settlement::Credit,
    transaction::OutPoint,
    work::Sats,
};
use tests::operator::{Cheats, ORIGIN, PayoutPlan, Script, receipt, threats::bend_payout};

use crate::cheats::{check, failed, request, run};

fn sats(amount: u64) -> Sats {
    Sats::new(amount).expect("less than all")
}

fn found(report: &AuditReport, id: CheckId) -> &CheckReport {
    report.checks.iter().find(|check| check.id == id).expect("every check is reported")
}

/// Bends the newest list only.
#[track_caller]
fn listed(bend: &dyn Fn(&mut Liabilities, &mut LiabilitiesFile), expected: CheckId) {
    let liabilities = |entry: &mut Liabilities, file: &mut LiabilitiesFile| {
        if entry.liabilities == 2 {
            bend(entry, file);
        }
    };
    check(&Cheats { liabilities: &liabilities, ..Cheats::default() }, expected);
}

#[track_caller]
fn paid(payout: &dyn Fn(&mut PayoutPlan), expected: CheckId) {
    check(&Cheats { payout, ..Cheats::default() }, expected);
}

/// The contract of the buyer who is never the one that verifies.
fn other() -> Hash32 {
    receipt(2).contract_id()
}

fn mine() -> Hash32 {
    receipt(1).contract_id()
}

fn row(plan: &mut PayoutPlan, id: Hash32) -> &mut PayoutRow {
    plan.rows.iter_mut().find(|row| row.id == id).expect("both buyers are paid")
}

#[test]
fn an_honest_log_owes_and_pays_what_it_says() {
    let story = Script::tell(&Cheats::default());
    let report = run(&story.files, &request(&story));
    let contract = report.contract.clone().unwrap();
    // the first settlement is paid out, the second is owed
    assert_eq!((contract.paid_sats.get(), contract.unpaid_sats.get()), (826_875_000, 816_666_667));
    assert_eq!(contract.credited_sats.get(), contract.paid_sats.get() + contract.unpaid_sats.get());
    // the first coin is spent, the second backs what is owed to both buyers: 5/12 of 50 BTC less 2 %
    assert_eq!(report.totals.coins_sats.get(), 5_000_000_000);
    assert_eq!(report.totals.unpaid_sats.get(), 2_041_666_667);
    let sum = found(&report, CheckId::LiabSum);
    assert_eq!(sum.detail, "2 lists; the newest: 2041666667 sats owed, 5000000000 sats in coins (244 %)");
    let mine = found(&report, CheckId::PayoutMine);
    assert_eq!(mine.detail, "826875000 sats paid, 0 of them not confirmed, 816666667 sats owed");
}

#[test]
fn a_payout_in_no_block_of_the_chain_is_not_confirmed() {
    let mempool = Script::tell(&Cheats { payout: &|plan| plan.mined = false, ..Cheats::default() });
    let elsewhere = |files: &mut Files| bend_payout(files, &|file| file.block = Some(BlockHash([7; 32])));
    let elsewhere = Script::tell(&Cheats { files: &elsewhere, ..Cheats::default() });
    for story in [mempool, elsewhere] {
        let report = run(&story.files, &request(&story));
        let mine = found(&report, CheckId::PayoutMine);
        assert_eq!(mine.detail, "826875000 sats paid, 826875000 of them not confirmed, 816666667 sats owed");
        assert!(report.held);
    }
}

#[test]
fn a_payout_that_its_block_does_not_contain_fails_payout_mine() {
    let misplace = |files: &mut Files| bend_payout(files, &|file| file.branch = vec![Hash32([7; 32])]);
    check(&Cheats { files: &misplace, ..Cheats::default() }, CheckId::PayoutMine);
}

#[test]
fn whom_a_payout_paid_is_known_with_the_receipt_only() {
    let story = Script::tell(&Cheats::default());
    let contract = Some(ContractQuery::Id(mine()));
    let report = run(&story.files, &AuditRequest { contract, ..request(&story) });
    assert_eq!(found(&report, CheckId::PayoutMine).outcome, Outcome::NotBound);
    let report = run(&story.files, &AuditRequest { contract: None, ..request(&story) });
    assert_eq!(found(&report, CheckId::PayoutMine).outcome, Outcome::NotApplicable);
    assert!(report.held);
}

#[test]
fn a_balance_left_out_fails_liab_sum_and_names_the_contract() {
    let leave_out = |_: &mut Liabilities, file: &mut LiabilitiesFile| file.balances.retain(|row| row.id != other());
    let story = Script::tell(&Cheats { liabilities: &leave_out, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    assert_eq!(failed(&report), [CheckId::LiabSum]);
    let check = found(&report, CheckId::LiabSum);
    assert_eq!(check.failure_count, 2, "both lists leave it out");
    let place = &check.failures[1];
    assert_eq!(place.file, "liabilities/2.json");
    assert_eq!(place.expected, format!("1225000000 sats owed to contract {}", other()));
    assert_eq!(place.found, "not listed");
}

#[test]
fn a_balance_of_mine_left_out_fails_payout_mine_too() {
    let leave_out = |_: &mut Liabilities, file: &mut LiabilitiesFile| file.balances.retain(|row| row.id != mine());
    let story = Script::tell(&Cheats { liabilities: &leave_out, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    assert_eq!(failed(&report), [CheckId::PayoutMine, CheckId::LiabSum]);
    let place = found(&report, CheckId::PayoutMine).place.as_ref().unwrap();
    assert_eq!((&*place.expected, &*place.found), ("my unpaid balance 816666667", "0"));
}

#[test]
fn a_satoshi_less_or_more_fails_liab_sum() {
    for change in [-1i64, 1] {
        let bend = |_: &mut Liabilities, file: &mut LiabilitiesFile| {
            let row = file.balances.iter_mut().find(|row| row.id == other()).unwrap();
            row.sats = sats(row.sats.get().checked_add_signed(change).unwrap());
        };
        listed(&bend, CheckId::LiabSum);
    }
}

#[test]
fn a_double_or_invented_row_fails_liab_sum() {
    listed(
        &|_, file| {
            let row = file.balances.iter().position(|row| row.id == other()).unwrap();
            file.balances.insert(row, file.balances[row]);
        },
        CheckId::LiabSum,
    );
    listed(&|_, file| file.balances.push(Credit { sats: sats(1), id: Hash32([0xff; 32]) }), CheckId::LiabSum);
    listed(&|_, file| file.balances.push(Credit { sats: sats(1), id: operator_id(ORIGIN) }), CheckId::LiabSum);
}

#[test]
fn an_entry_that_is_not_the_files_fails_liab_sum() {
    let change = |files: &mut Files| {
        let file = files.get_mut("liabilities/2.json").unwrap();
        *file = String::from_utf8(file.clone()).unwrap().replace("1225000000", "1225000001").into_bytes();
    };
    check(&Cheats { files: &change, ..Cheats::default() }, CheckId::LiabSum);
    let remove = |files: &mut Files| drop(files.remove("liabilities/1.json"));
    check(&Cheats { files: &remove, ..Cheats::default() }, CheckId::LiabSum);
}

#[test]
fn a_list_of_another_number_time_or_settlement_fails_liab_sum() {
    listed(&|entry, _| entry.at_ms = 1, CheckId::LiabSum);
    listed(&|entry, _| entry.settlement = 1, CheckId::LiabSum);
    listed(&|_, file| file.liabilities = 1, CheckId::LiabSum);
    let repeat = |entries: &mut Vec<Entry>| {
        let list = entries.iter().rev().find(|entry| matches!(entry, Entry::Liabilities(_))).unwrap().clone();
        entries.push(list);
    };
    check(&Cheats { entries: &repeat, ..Cheats::default() }, CheckId::LiabSum);
}

#[test]
fn coins_that_do_not_exist_fail_liab_sum() {
    let invented = Coin { sats: sats(1), point: OutPoint { txid: BlockHash([9; 32]), vout: 0 }, height: 101 };
    listed(&|_, file| file.coins.push(invented), CheckId::LiabSum);
    listed(&|_, file| file.coins[0].sats = sats(5_000_000_001), CheckId::LiabSum);
    listed(&|_, file| file.coins[0].height += 1, CheckId::LiabSum);
    // the anchor is an output too, but not a coin
    listed(&|_, file| file.coins[0].point.vout = 1, CheckId::LiabSum);
}

#[test]
fn a_coin_listed_twice_fails_liab_sum() {
    listed(&|_, file| file.coins.push(file.coins[0]), CheckId::LiabSum);
}

#[test]
fn a_spent_coin_fails_liab_sum() {
    let story = Script::tell(&Cheats::default());
    let first = LiabilitiesFile::from_bytes(&story.files["liabilities/1.json"]).unwrap();
    let spent = |entry: &mut Liabilities, file: &mut LiabilitiesFile| {
        if entry.liabilities == 2 {
            *file = LiabilitiesFile::new(2, file.balances.clone(), [&file.coins[..], &first.coins].concat());
        }
    };
    let story = Script::tell(&Cheats { liabilities: &spent, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    assert_eq!(failed(&report), [CheckId::LiabSum]);
    let place = found(&report, CheckId::LiabSum).place.as_ref().unwrap();
    assert_eq!(place.expected, "a coin that no payout spends");
}

#[test]
fn fewer_coins_than_are_owed_are_said() {
    let none = |_: &mut Liabilities, file: &mut LiabilitiesFile| file.coins.clear();
    let story = Script::tell(&Cheats { liabilities: &none, ..Cheats::default() });
    let report = run(&story.files, &request(&story));
    assert!(report.held);
    assert!(found(&report, CheckId::LiabSum).detail.ends_with("2041666667 sats owed, 0 sats in coins (0 %)"));
}

#[test]
fn epochs_that_go_on_without_a_list_fail_liab_sum() {
    let hours_later = |hours: u64| {
        move |open: &mut EpochOpen| {
            if open.epoch == 5 {
                open.start_ms += hours * 3_600_000;
            }
        }
    };
    // by then the contracts' terms are over
    let ended = |epoch, list: &mut Vec<AllocationEntry>| {
        if epoch == 5 {
            list.retain(|entry| entry.id == operator_id(ORIGIN));
        }
    };
    let late = hours_later(27);
    check(&Cheats { open: &late, allocation: &ended, epochs_after: 2, ..Cheats::default() }, CheckId::LiabSum);
    let in_time = hours_later(25);
    let story = Script::tell(&Cheats { open: &in_time, allocation: &ended, epochs_after: 2, ..Cheats::default() });
    assert!(run(&story.files, &request(&story)).held);
}

#[test]
fn a_payout_to_another_script_fails_payout_mine() {
    let steal = |plan: &mut PayoutPlan| {
        let vout = row(plan, mine()).vout as usize;
        plan.outputs[vout].1 = vec![0x00, 0x14, 0x66];
    };
    paid(&steal, CheckId::PayoutMine);
}

#[test]
fn an_output_of_a_satoshi_less_fails_payout_mine() {
    for id in [mine(), other()] {
        let less = |plan: &mut PayoutPlan| {
            let vout = row(plan, id).vout as usize;
            plan.outputs[vout].0 = sats(plan.outputs[vout].0.get() - 1);
        };
        paid(&less, CheckId::PayoutMine);
    }
}

#[test]
fn one_output_shown_to_two_contracts_fails_payout_mine() {
    let share = |plan: &mut PayoutPlan| row(plan, other()).vout = row(plan, mine()).vout;
    paid(&share, CheckId::PayoutMine);
    let beyond = |plan: &mut PayoutPlan| row(plan, other()).vout = 99;
    paid(&beyond, CheckId::PayoutMine);
}

#[test]
fn a_payout_logged_twice_fails_payout_mine() {
    // all of it again, in a list that agrees: what is owed would fall twice
    let story = Script::tell(&Cheats::default());
    let twice = |entries: &mut Vec<Entry>| {
        let payout = entries.iter().find(|entry| matches!(entry, Entry::Payout(_))).unwrap().clone();
        entries.push(payout);
    };
    let story_twice = Script::tell(&Cheats { entries: &twice, ..Cheats::default() });
    let report = run(&story_twice.files, &request(&story));
    let failed = failed(&report);
    assert!(failed.contains(&CheckId::PayoutMine), "{failed:?}");
}

#[test]
fn a_payout_beyond_what_is_owed_fails_liab_sum() {
    let more = |plan: &mut PayoutPlan| {
        let vout = {
            let row = row(plan, other());
            row.sats = sats(row.sats.get() + 1);
            row.vout as usize
        };
        plan.outputs[vout].0 = sats(plan.outputs[vout].0.get() + 1);
    };
    paid(&more, CheckId::LiabSum);
}

#[test]
fn a_payout_that_is_no_transaction_or_not_the_logged_one_fails_payout_mine() {
    let path = |files: &Files| files.keys().find(|path| path.starts_with("payout/")).unwrap().clone();
    let change = |from: &'static str, to: &'static str| {
        move |files: &mut Files| {
            let file = files.get_mut(&path(files)).unwrap();
            let text = String::from_utf8(file.clone()).unwrap();
            assert!(text.contains(from), "{text}");
            *file = text.replace(from, to).into_bytes();
        }
    };
    let witness = change("\"transaction\":\"02000000", "\"transaction\":\"02000000000");
    for bend in [witness, change("\"index\":1", "\"index\":2"), change("\"transaction\":\"02", "\"transaction\":\"03")]
    {
        check(&Cheats { files: &bend, ..Cheats::default() }, CheckId::PayoutMine);
    }
    let remove = |files: &mut Files| drop(files.remove(&path(files)));
    check(&Cheats { files: &remove, ..Cheats::default() }, CheckId::PayoutMine);
}
