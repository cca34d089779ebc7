//! What a contract was credited and paid.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::payout::PayoutRow;
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use serde_json::{Value, json};
use server::db::payouts::{self, Attempt, Input, Mined, Payout, SignedAttempt, Signer, State};

use super::harness::{TestApp, on_each_database};

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

async fn contract(app: &TestApp, token: &str) -> (String, Hash32) {
    let offer = app.offer("Small", 1_000).await;
    let bought = app.buy(token, &offer).await.expect(201);
    let opened = app.confirm(&bought, 100).await.expect(200);
    (opened["id"].as_str().unwrap().to_owned(), opened["contract_id"].as_str().unwrap().parse().unwrap())
}

/// Settlements and accruals with a credit each: number, leaf index, satoshis.
async fn credit(app: &TestApp, contract: &Hash32, settlements: &[(i64, i64, i64)], accruals: &[(i64, i64, i64)]) {
    let mut tx = app.database.begin().await.unwrap();
    let [settlement, settled] = [
        "INSERT INTO settlements (settlement, entry_index, first_epoch, last_epoch, reward_sats, fee_sats,
         carry_in_sats, carry_out_sats, settled_ms) VALUES ($1, $2, 1, 1, 0, 0, 0, 0, 0)",
        "INSERT INTO credits (contract_id, settlement, credit_sats) VALUES ($1, $2, $3)",
    ];
    let [accrual, accrued] = [
        "INSERT INTO accruals (accrual, entry_index, from_epoch, to_epoch, gross_sats, fee_sats, maintenance_sats)
         VALUES ($1, $2, 1, 1, 0, 0, 0)",
        "INSERT INTO accrual_credits (contract_id, accrual, credit_sats) VALUES ($1, $2, $3)",
    ];
    let all = settlements.iter().map(|row| (settlement, settled, row));
    for (entry, credit, (number, index, sats)) in all.chain(accruals.iter().map(|row| (accrual, accrued, row))) {
        sqlx::query(entry).bind(number).bind(index).execute(&mut *tx).await.unwrap();
        let credit = sqlx::query(credit).bind(contract.0.to_vec()).bind(number).bind(sats);
        credit.execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Conclusion 3, at leaf 2, gives back 50 and makes good 5.
async fn conclude(app: &TestApp, contract: &Hash32) {
    let mut tx = app.database.begin().await.unwrap();
    let period =
        "INSERT INTO concluded_periods (period, entry_index, refund_sats, make_good_sats) VALUES (3, 2, 50, 5)";
    sqlx::query(period).execute(&mut *tx).await.unwrap();
    let credit =
        "INSERT INTO conclusion_credits (contract_id, period, refund_sats, make_good_sats) VALUES ($1, 3, 50, 5)";
    sqlx::query(credit).bind(contract.0.to_vec()).execute(&mut *tx).await.unwrap();
    let ended = "UPDATE contracts SET ended_in = 3 WHERE contract_id = $1";
    sqlx::query(ended).bind(contract.0.to_vec()).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_an_end_gave_back_is_told_apart_and_credited() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let (id, contract) = contract(app, &token).await;
        let path = format!("/api/v1/contracts/{id}");
        assert_eq!(app.get(&path, &token).await.expect(200)["life"]["paid_back"], json!(null));
        conclude(app, &contract).await;
        let ended = app.get(&path, &token).await.expect(200);
        assert_eq!(ended["life"]["paid_back"], json!({"unused_time_sats": 50, "missing_work_sats": 5}));
        assert_eq!(ended["credited_sats"], 55);
    })
    .await;
}

#[tokio::test]
async fn credits_of_settlements_accruals_and_conclusions_are_one_list_in_order_of_the_log() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let (id, contract) = contract(app, &token).await;
        credit(app, &contract, &[(1, 0, 10)], &[(1, 1, 20), (7, 1_000_000, 40)]).await;
        conclude(app, &contract).await;
        let path = format!("/api/v1/contracts/{id}/credits?limit=2");
        let first = app.get(&path, &token).await.expect(200);
        let newest = json!([
            {"settlement": null, "accrual": null, "conclusion": 3, "credit_sats": 55, "leaf_index": 2},
            {"settlement": null, "accrual": 1, "conclusion": null, "credit_sats": 20, "leaf_index": 1},
        ]);
        assert_eq!(first["items"], newest, "what is not published yet is not claimed");
        let rest = app.get(&format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap()), &token).await;
        let oldest =
            json!([{"settlement": 1, "accrual": null, "conclusion": null, "credit_sats": 10, "leaf_index": 0}]);
        assert_eq!(rest.expect(200), json!({"items": oldest, "next_cursor": null}));
    })
    .await;
}

async fn plan(app: &TestApp, contract: Hash32) {
    let payout = Payout {
        payout: 1,
        state: State::Planned,
        created_ms: 5,
        planned_height: 7,
        settlements: (0, 0),
        total: sats(300),
        needs_approval: false,
        approved_ms: None,
        handed_out_ms: None,
        mined: None,
        entry_index: None,
    };
    let attempt = Attempt {
        payout: 1,
        attempt: 1,
        txid: BlockHash([2; 32]),
        fee: sats(50),
        change: sats(650),
        vsize: 141,
        psbt: vec![1],
        signed: None,
    };
    let coin = Input { point: OutPoint { txid: BlockHash([1; 32]), vout: 0 }, sats: sats(1_000) };
    let mut tx = app.database.begin().await.unwrap();
    payouts::insert(&mut tx, &payout, &[PayoutRow { sats: sats(300), id: contract, vout: 0 }], &[coin]).await.unwrap();
    payouts::insert_attempt(&mut tx, &attempt).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_payout_is_followed_from_its_plan_into_the_log() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let (id, contract) = contract(app, &token).await;
        let seen = async || {
            let page = app.get(&format!("/api/v1/contracts/{id}/payouts"), &token).await.expect(200);
            let row = |row: &Value| ["state", "txid", "block_height", "leaf_index"].map(|field| row[field].clone());
            page["items"].as_array().unwrap().first().map(row)
        };
        assert_eq!(seen().await, None);
        plan(app, contract).await;
        assert_eq!(seen().await, Some([json!("planned"), Value::Null, Value::Null, Value::Null]));

        let mut tx = app.database.begin().await.unwrap();
        let signed = SignedAttempt { transaction: vec![1], signed_ms: 6, signer: Signer::Server };
        assert!(payouts::sign(&mut tx, 1, 1, &signed).await.unwrap());
        assert!(payouts::advance(&mut tx, 1, State::Planned, State::Signed).await.unwrap());
        tx.commit().await.unwrap();
        let txid = json!("02".repeat(32));
        assert_eq!(seen().await, Some([json!("sent"), txid, Value::Null, Value::Null]));

        let mut tx = app.database.begin().await.unwrap();
        let mined = Mined {
            txid: BlockHash([3; 32]),
            block: BlockHash([4; 32]),
            height: 9,
            index: 1,
            branch: vec![Hash32([5; 32])],
        };
        assert!(payouts::mine(&mut tx, 1, State::Signed, &mined).await.unwrap());
        tx.commit().await.unwrap();
        let txid = json!("03".repeat(32));
        assert_eq!(seen().await, Some([json!("confirmed"), txid.clone(), json!(9), Value::Null]));
        for (index, expected) in [(1_000_000u64, ["confirmed", "null"]), (1, ["logged", "1"])] {
            sqlx::query("UPDATE payouts SET state = 'confirmed', entry_index = NULL")
                .execute(app.database.pool())
                .await
                .unwrap();
            let mut tx = app.database.begin().await.unwrap();
            assert!(payouts::log(&mut tx, 1, index).await.unwrap());
            tx.commit().await.unwrap();
            let [state, _, _, leaf_index] = seen().await.unwrap();
            assert_eq!([state.as_str().unwrap(), &leaf_index.to_string()], expected);
        }
    })
    .await;
}

#[tokio::test]
async fn terms_are_told_and_other_entries_are_none() {
    on_each_database(async |app| {
        let mut request = super::harness::offer_request("Window", 1_000);
        request["terms"] = json!({
            "scheme": {"pplns": {"window_work": "5000"}}, "fee_ppm": 10_000, "maintenance": {"sats_per_ths_day": 7},
            "rounding": "largest_remainder", "suspension": "none", "shortfall": "pro_rata", "refund": "none",
        });
        let offer = app.post("/api/v1/admin/offers", &app.operator, &request).await.expect(201);
        let index = offer["terms_index"].as_u64().unwrap();
        app.published(index).await;
        let told = app.get(&format!("/api/v1/terms/{index}"), "").await.expect(200);
        let expected = json!({
            "leaf_index": index, "scheme": "pplns", "window_work": "5000", "fee_ppm": 10_000,
            "maintenance_sats_per_ths_day": 7, "suspension": null, "make_good_tolerance_ppm": null,
            "refunds_unused_time": false,
        });
        assert_eq!(told, expected);
        for index in ["0", "1000000"] {
            app.get(&format!("/api/v1/terms/{index}"), "").await.problem(404, "not_found");
        }
    })
    .await;
}
