//! Payouts: their tables on both databases, and who may do what.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::payout::PayoutRow;
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use serde_json::json;
use server::db::ledger::{self, Account, Posting, Transaction, Voucher};
use server::db::payouts::{self, Attempt, Input, Mined, Payout, SignedAttempt, Signer, State};

use super::harness::{TestApp, on_each_database, on_folder};

/// SHA-256 of `the approver's own token`.
const APPROVER_SHA256: &str =
    "--approver-token-sha256=8f6b5a330ff95edb2c4b648791370ce9377b9ed4811a618325210e83c5b0ad3a";

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

fn payout(number: u64) -> Payout {
    Payout {
        payout: number,
        state: State::Planned,
        created_ms: 1_000,
        planned_height: 7,
        settlements: (1, 2),
        total: sats(300),
        needs_approval: number == 2,
        approved_ms: None,
        handed_out_ms: None,
        mined: None,
        entry_index: None,
    }
}

fn coin(number: u8) -> Input {
    Input { point: OutPoint { txid: BlockHash([number; 32]), vout: 1 }, sats: sats(1_000) }
}

fn attempt(payout: u64, attempt: u64) -> Attempt {
    let number = u8::try_from(10 * payout + attempt).unwrap();
    let txid = BlockHash([number; 32]);
    Attempt { payout, attempt, txid, fee: sats(50), change: sats(650), vsize: 141, psbt: vec![number], signed: None }
}

fn rows() -> Vec<PayoutRow> {
    let row = |id, amount, vout| PayoutRow { sats: sats(amount), id: Hash32([id; 32]), vout };
    vec![row(1, 100, 0), row(2, 200, 1)]
}

async fn insert(app: &TestApp, number: u64, coins: &[Input]) -> Result<(), server::db::DbError> {
    let mut tx = app.database.begin().await?;
    payouts::insert(&mut tx, &payout(number), &rows(), coins).await?;
    payouts::insert_attempt(&mut tx, &attempt(number, 1)).await?;
    Ok(tx.commit().await?)
}

/// Runs one change in a transaction of its own; whether it changed anything.
macro_rules! change {
    ($app:expr, $change:path $(, $argument:expr)*) => {{
        let mut tx = $app.database.begin().await.unwrap();
        let changed = $change(&mut tx $(, $argument)*).await.unwrap();
        tx.commit().await.unwrap();
        changed
    }};
}

fn mined() -> Mined {
    let (txid, block) = (attempt(1, 1).txid, BlockHash([0xbb; 32]));
    Mined { txid, block, height: 9, index: 3, branch: vec![Hash32([1; 32]), Hash32([2; 32])] }
}

#[tokio::test]
async fn a_payout_goes_through_its_states_once() {
    on_each_database(async |app| {
        let pool = app.database.pool();
        insert(app, 1, &[coin(1), coin(2)]).await.unwrap();
        assert_eq!(payouts::by_number(pool, 1).await.unwrap(), Some(payout(1)));
        assert_eq!(payouts::rows(pool, 1).await.unwrap(), rows());
        assert_eq!(payouts::inputs(pool, 1).await.unwrap(), [coin(1), coin(2)]);
        let by = SignedAttempt { transaction: vec![1, 2], signed_ms: 5_000, signer: Signer::Server };
        assert!(change!(app, payouts::sign, 1, 1, &by));
        assert!(!change!(app, payouts::sign, 1, 1, &by), "signatures that came first stay");
        assert_eq!(payouts::attempts(pool, 1).await.unwrap()[0].signed, Some(by));
        assert_eq!(payouts::signed_by_server_since(pool, 4_999).await.unwrap(), sats(300));
        assert_eq!(payouts::signed_by_server_since(pool, 5_000).await.unwrap(), Sats::ZERO);
        assert!(change!(app, payouts::advance, 1, State::Planned, State::Signed));
        assert!(!change!(app, payouts::advance, 1, State::Planned, State::Signed));
        assert!(!change!(app, payouts::cancel, 1), "it is signed");
        assert!(!change!(app, payouts::log, 1, 77), "it is not confirmed");
        assert!(change!(app, payouts::mine, 1, State::Signed, &mined()));
        assert!(change!(app, payouts::log, 1, 77));
        assert!(!change!(app, payouts::log, 1, 78));
        let logged = payouts::by_number(pool, 1).await.unwrap().unwrap();
        assert_eq!((logged.state, logged.mined, logged.entry_index), (State::Logged, Some(mined()), Some(77)));
        assert_eq!(payouts::open(pool, 8).await.unwrap().len(), 1, "it is followed");
        assert_eq!(payouts::open(pool, 9).await.unwrap(), []);
        let contract = Hash32([2; 32]);
        assert_eq!(payouts::paid(pool, &contract, 77).await.unwrap(), Sats::ZERO, "not yet published");
        assert_eq!(payouts::paid(pool, &contract, 78).await.unwrap(), sats(200));
        assert_eq!(payouts::all_paid(pool).await.unwrap().len(), 2);
        assert_eq!(payouts::of_contract(pool, &contract, None, 5).await.unwrap()[0].vout, 1);
    })
    .await;
}

#[tokio::test]
async fn a_coin_is_in_one_payout_until_that_is_cancelled() {
    on_each_database(async |app| {
        insert(app, 1, &[coin(1)]).await.unwrap();
        insert(app, 2, &[coin(1)]).await.unwrap_err();
        assert_eq!(payouts::last(app.database.pool()).await.unwrap().unwrap().payout, 1, "nothing of it is left");
        assert!(change!(app, payouts::cancel, 1));
        assert!(!change!(app, payouts::cancel, 1));
        insert(app, 2, &[coin(1)]).await.unwrap();
        assert!(change!(app, payouts::approve, 2, 9));
        assert!(!change!(app, payouts::approve, 2, 10));
        assert!(change!(app, payouts::hand_out, 2, 11));
        assert!(!change!(app, payouts::cancel, 2), "somebody may have signed it");
        let page = payouts::page(app.database.pool(), None, 10).await.unwrap();
        assert_eq!(page.iter().map(|payout| payout.state).collect::<Vec<_>>(), [State::Planned, State::Cancelled]);
    })
    .await;
}

#[tokio::test]
async fn owed_is_what_the_book_owes_to_the_script_of_the_contract() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let bought = app.buy(&token, &offer).await.expect(201);
        let contract = app.confirm(&bought, 100).await.expect(200);
        let contract_id: Hash32 = contract["contract_id"].as_str().unwrap().parse().unwrap();
        let postings = vec![
            Posting::debit(Account::UndividedRewards, sats(900)),
            Posting::credit(Account::Credits { contract_id }, sats(900)),
        ];
        let credit =
            Transaction { kind: "test", reference: "1".into(), voucher: Voucher::Entry(1), created_ms: 0, postings };
        let mut tx = app.database.begin().await.unwrap();
        assert!(ledger::post(&mut tx, &credit).await.unwrap());
        let owed = payouts::owed(&mut tx).await.unwrap();
        assert_eq!(owed.len(), 1);
        assert_eq!((owed[0].contract_id, owed[0].sats, owed[0].from_settlement), (contract_id, sats(900), 1));
        assert_eq!(hex::encode(&owed[0].script), "0014751e76e8199196d454941c45d1b3a323f1433bd6");
        assert!(payouts::spendable_coins(&mut tx).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn without_a_key_nothing_is_paid_and_it_is_said_so() {
    on_each_database(async |app| {
        app.post("/api/v1/admin/payouts", &app.operator, &json!(null)).await.problem(409, "payouts_off");
        app.get("/api/v1/admin/payouts/1", &app.operator).await.problem(404, "not_found");
        let page = app.get("/api/v1/admin/payouts", &app.operator).await.expect(200);
        assert_eq!(page["items"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn only_the_approvers_token_approves() {
    let folder = tempfile::tempdir().unwrap();
    on_folder(folder.path(), &[APPROVER_SHA256], async |app| {
        for token in ["", app.operator.as_str(), "another token"] {
            app.post("/api/v1/admin/payouts/1/approve", token, &json!(null)).await.problem(401, "approver_only");
        }
        let approver = "the approver's own token";
        app.post("/api/v1/admin/payouts/1/approve", approver, &json!(null)).await.problem(409, "payouts_off");
        app.post("/api/v1/admin/payouts", approver, &json!(null)).await.problem(401, "operator_only");
    })
    .await;
}
