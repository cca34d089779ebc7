//! Each comparison holds on a log that was paid out, and fails when its side of it is damaged.

use audit_core::payout::PayoutFile;
use audit_core::settlement::SettlementFile;

use super::*;
use crate::db::blocks;
use crate::payouts::tests::Paying;

const SUMS: usize = 0;
const ENTRIES: usize = 1;
const REWARDS: usize = 2;
const PAYOUTS: usize = 3;
const IN_FLIGHT: usize = 4;
const WALLET: usize = 5;
const CREDITS: usize = 6;
const REFUNDS: usize = 7;

async fn compare(paying: &Paying) -> Vec<Comparison> {
    let log = &paying.fixture.log;
    check(&log.database, &log.store, log.sequencer.origin()).await.unwrap()
}

/// A log with credits, one logged payout, and blocks of every fate.
async fn paid() -> Paying {
    let mut paying = Paying::new().await;
    paying.finish().await;
    paying.fixture.archive.follow().await.unwrap();
    let compared = compare(&paying).await;
    assert!(compared.iter().all(|comparison| comparison.difference.is_none()), "{compared:#?}");
    let counts: Vec<u64> = [SUMS, ENTRIES, REWARDS, PAYOUTS, WALLET].map(|index| compared[index].count).into();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    paying
}

/// Damages a paid log; this comparison must fail and name `words`, and no other may but `also`.
async fn damaged(sql: &[&str], index: usize, words: &str, also: &[usize]) {
    let paying = paid().await;
    for statement in sql {
        paying.fixture.log.database.execute(statement).await;
    }
    fails(&paying, index, words, also).await;
}

async fn fails(paying: &Paying, index: usize, words: &str, also: &[usize]) {
    let compared = compare(paying).await;
    let difference = compared[index].difference.clone().unwrap_or_default();
    assert!(difference.contains(words), "{compared:#?}");
    for (other, comparison) in compared.iter().enumerate() {
        let may_fail = other == index || also.contains(&other);
        assert!(may_fail || comparison.difference.is_none(), "{comparison:?}");
    }
}

const CHANGEABLE: &str = "DROP TRIGGER ledger_postings_refuse_update";

#[tokio::test]
async fn a_posting_of_one_satoshi_more_is_found() {
    let sql = "UPDATE ledger_postings SET amount_sats = amount_sats + 1 WHERE account = 'income:fee'";
    damaged(&[CHANGEABLE, sql], SUMS, "instead of 0", &[ENTRIES]).await;
}

#[tokio::test]
async fn a_credit_booked_to_another_contract_is_found() {
    let sql = "UPDATE ledger_postings SET account = 'liability:credits:00' WHERE account LIKE 'liability:credits:%'
        AND amount_sats < 0";
    damaged(&[CHANGEABLE, sql], ENTRIES, "settlement", &[]).await;
}

#[tokio::test]
async fn an_entry_that_is_not_booked_is_found() {
    let sql = [
        "DROP TRIGGER ledger_postings_refuse_delete",
        "DROP TRIGGER ledger_transactions_refuse_delete",
        "DELETE FROM ledger_postings WHERE transaction_id = (SELECT id FROM ledger_transactions WHERE kind = 'payout')",
        "DELETE FROM ledger_transactions WHERE kind = 'payout'",
    ];
    damaged(&sql, ENTRIES, "no payout is booked", &[IN_FLIGHT, WALLET]).await;
}

#[tokio::test]
async fn a_transaction_that_no_entry_gives_is_found() {
    let sql = [
        "INSERT INTO ledger_transactions (id, kind, reference, created_ms, log_index) VALUES ('x', 'settlement', '99', 1, 0)",
        "INSERT INTO ledger_postings (transaction_id, line, account, amount_sats)
            VALUES ('x', 0, 'income:fee', -5), ('x', 1, 'liability:carry', 5)",
    ];
    damaged(&sql, ENTRIES, "it gives no settlement", &[]).await;
}

#[tokio::test]
async fn a_settlement_file_that_says_something_else_is_found() {
    let paying = paid().await;
    let (store, path) = (&paying.fixture.log.store, SettlementFile::path(1));
    let mut file = SettlementFile::from_bytes(&store.read(&path).unwrap().unwrap()).unwrap();
    file.credits.pop();
    store.replace(&path, &file.to_bytes()).unwrap();
    fails(&paying, ENTRIES, "settlement", &[]).await;
}

#[tokio::test]
async fn a_matured_block_that_is_not_on_the_archived_chain_is_found() {
    let paying = paid().await;
    let rows = blocks::after_epoch(paying.fixture.log.database.pool(), 0).await.unwrap();
    let matured = rows.iter().find(|block| block.status == blocks::BlockStatus::Matured).unwrap();
    paying.fixture.node.reorganise(u32::try_from(matured.height).unwrap());
    paying.fixture.archive.follow().await.unwrap();
    fails(&paying, REWARDS, &matured.hash.to_string(), &[PAYOUTS]).await;
}

#[tokio::test]
async fn a_payout_whose_block_left_the_chain_is_found() {
    let paying = paid().await;
    let payout = payouts::last(paying.fixture.log.database.pool()).await.unwrap().unwrap();
    paying.fixture.node.reorganise(payout.mined.unwrap().height);
    paying.fixture.archive.follow().await.unwrap();
    fails(&paying, PAYOUTS, "is not in the block at height", &[]).await;
}

#[tokio::test]
async fn a_payout_file_that_is_gone_is_found() {
    let paying = paid().await;
    let mined = payouts::last(paying.fixture.log.database.pool()).await.unwrap().unwrap().mined.unwrap();
    let path = paying.fixture.log.folder.path().join(PayoutFile::path(&mined.txid));
    std::fs::write(&path, b"{}").unwrap();
    let log = &paying.fixture.log;
    assert!(check(&log.database, &log.store, log.sequencer.origin()).await.is_err(), "an unreadable file is an error");
}

#[tokio::test]
async fn credits_in_flight_without_a_payout_are_found() {
    let sql = [
        "INSERT INTO ledger_transactions (id, kind, reference, created_ms, txid)
            VALUES ('x', 'payout_planned', '99', 1, x'00')",
        "INSERT INTO ledger_postings (transaction_id, line, account, amount_sats)
            VALUES ('x', 0, 'liability:credits:01', 5), ('x', 1, 'liability:in_flight:01', -5)",
    ];
    damaged(&sql, IN_FLIGHT, "payouts under way come to 0 sats", &[]).await;
}

#[tokio::test]
async fn a_coin_that_is_missing_in_the_wallet_is_found() {
    damaged(&["UPDATE payout_attempts SET change_sats = change_sats - 1"], WALLET, "asset:payout_wallet", &[]).await;
}

#[tokio::test]
async fn a_credit_that_no_invoice_took_is_found() {
    let sql = [
        "INSERT INTO ledger_transactions (id, kind, reference, created_ms, txid)
            VALUES ('x', 'payment_credit', 'a:0', 1, x'00')",
        "INSERT INTO ledger_postings (transaction_id, line, account, amount_sats)
            VALUES ('x', 0, 'asset:contract_payments', 5), ('x', 1, 'liability:overpaid:1', -5)",
    ];
    damaged(&sql, CREDITS, "1 credits are booked, 0 are known", &[]).await;
}

#[tokio::test]
async fn a_refund_that_is_not_booked_is_found() {
    let sql = "INSERT INTO refunds (id, account_id, address, script, refund_sats, txid, vout, state, recorded_ms,
            recorded_height, block_hash, block_height)
        SELECT id, id, 'a', x'51', 5, zeroblob(32), 0, 'booked', 1, 1, zeroblob(32), 1 FROM accounts LIMIT 1";
    damaged(&[sql], REFUNDS, "of 5 sats is not booked so", &[]).await;
}

#[tokio::test]
async fn payouts_under_way_agree_with_the_book() {
    let mut paying = Paying::new().await;
    paying.round().await;
    let compared = compare(&paying).await;
    assert!(compared.iter().all(|comparison| comparison.difference.is_none()), "{compared:#?}");
    assert_eq!(compared[IN_FLIGHT].count, 1);
}
