//! Statements and the export of the book.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::work::Sats;
use serde_json::Value;
use server::clock::now_ms;
use server::db::ledger::{self, Account, Posting, Transaction, Voucher};

use super::harness::{TestApp, on_each_database};

/// 2026-11-10T00:00:00Z.
const IN_NOVEMBER_MS: u64 = 1_794_268_800_000;

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

async fn contract(app: &TestApp, token: &str) -> Value {
    let offer = app.offer("Small", 1_000).await;
    let bought = app.buy(token, &offer).await.expect(201);
    app.confirm(&bought, 100).await.expect(200)
}

async fn post(app: &TestApp, kind: &'static str, voucher: Voucher, created_ms: u64, postings: Vec<Posting>) {
    let transaction = Transaction { kind, reference: "1".into(), voucher, created_ms, postings };
    let mut tx = app.database.begin().await.unwrap();
    assert!(ledger::post(&mut tx, &transaction).await.unwrap());
    tx.commit().await.unwrap();
}

/// A credit of 900 sats in October, a payout of them that is planned and logged in November.
async fn credit_and_pay(app: &TestApp, contract: &Value) {
    let contract_id: Hash32 = contract["contract_id"].as_str().unwrap().parse().unwrap();
    let (credits, in_flight) = (Account::Credits { contract_id }, Account::InFlight { contract_id });
    let txid = BlockHash([0xab; 32]);
    let october_ms = IN_NOVEMBER_MS - 20 * 86_400_000;
    let credit = vec![Posting::debit(Account::UndividedRewards, sats(900)), Posting::credit(credits, sats(900))];
    post(app, "settlement", Voucher::Entry(1), october_ms, credit).await;
    let planned = vec![Posting::debit(credits, sats(900)), Posting::credit(in_flight, sats(900))];
    post(app, "payout_planned", Voucher::Chain(txid), IN_NOVEMBER_MS, planned).await;
    let paid = vec![Posting::debit(in_flight, sats(900)), Posting::credit(Account::PayoutWallet, sats(900))];
    post(app, "payout", Voucher::EntryOfChain(1, txid), IN_NOVEMBER_MS + 1_000, paid).await;
}

#[tokio::test]
async fn a_month_has_its_opening_balance_its_payouts_and_their_txids() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let contract = contract(app, &token).await;
        credit_and_pay(app, &contract).await;
        let (id, contract_id) = (contract["id"].as_str().unwrap(), contract["contract_id"].as_str().unwrap());
        let answer = app.get("/api/v1/account/statements/2026-11", &token).await;
        assert!(answer.header("content-type").starts_with("text/csv"));
        let lines: Vec<&str> = answer.text.lines().filter(|line| !line.contains("contract_payment")).collect();
        let txid = "ab".repeat(32);
        assert_eq!(lines[1], format!("2026-11-01T00:00:00Z,{id},{contract_id},opening_balance,,,0,900,,"));
        assert_eq!(lines[2], format!("2026-11-10T00:00:01Z,{id},{contract_id},payout,1,,-900,0,{txid},1"));
        assert_eq!(lines.len(), 3, "what only went on its way is no row: {}", answer.text);
        let october = app.get("/api/v1/account/statements/2026-10", &token).await.text;
        assert!(october.contains("settlement,1,,900,900,,1"), "{october}");
    })
    .await;
}

#[tokio::test]
async fn a_statement_for_paper_is_one_document_without_scripts() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let contract = contract(app, &token).await;
        credit_and_pay(app, &contract).await;
        let answer = app.get("/api/v1/account/statements/2026-11?format=html", &token).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        assert!(answer.text.contains(&"ab".repeat(32)) && answer.text.contains("ada@example.org"));
        assert!(!answer.text.contains("<script"));
    })
    .await;
}

#[tokio::test]
async fn statements_are_the_owners_alone_and_never_ahead_of_the_log() {
    on_each_database(async |app| {
        let (ada, eve) = (app.customer("ada@example.org").await, app.customer("eve@example.org").await);
        let contract = contract(app, &ada).await;
        credit_and_pay(app, &contract).await;
        let contract_id: Hash32 = contract["contract_id"].as_str().unwrap().parse().unwrap();
        let unpublished = vec![
            Posting::debit(Account::UndividedRewards, sats(7)),
            Posting::credit(Account::Credits { contract_id }, sats(7)),
        ];
        post(app, "test", Voucher::Entry(1_000_000), IN_NOVEMBER_MS, unpublished).await;
        let of_ada = app.get("/api/v1/account/statements/2026-11", &ada).await.text;
        assert!(of_ada.contains("payout") && !of_ada.contains("test"), "{of_ada}");
        let of_eve = app.get("/api/v1/account/statements/2026-11", &eve).await.text;
        assert_eq!(of_eve.lines().count(), 1, "the header alone: {of_eve}");
        app.get("/api/v1/account/statements/2026-11", "").await.problem(401, "unauthenticated");
        app.get("/api/v1/account/statements/2026-13", &ada).await.problem(400, "bad_query");
    })
    .await;
}

#[tokio::test]
async fn the_export_has_every_posting_and_sums_to_zero() {
    on_each_database(async |app| {
        for number in 0..1_100u64 {
            let postings = vec![Posting::debit(Account::Fee, sats(5)), Posting::credit(Account::Carry, sats(5))];
            let reference = number.to_string();
            let transaction = Transaction {
                kind: "test",
                reference,
                voucher: Voucher::Entry(number),
                created_ms: now_ms() + number / 7,
                postings,
            };
            let mut tx = app.database.begin().await.unwrap();
            assert!(ledger::post(&mut tx, &transaction).await.unwrap());
            tx.commit().await.unwrap();
        }
        let csv = app.get("/api/v1/admin/ledger/export", &app.operator).await.text;
        let amounts: Vec<i64> =
            csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!((amounts.len(), amounts.iter().sum::<i64>()), (2_200, 0));
        app.get("/api/v1/admin/ledger/export", "").await.problem(401, "operator_only");
    })
    .await;
}
