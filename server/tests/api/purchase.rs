//! From the offer to the active contract.

use audit_core::contract::{Receipt, Uuid};
use serde_json::json;

use super::harness::{ADDRESS, on_each_database, purchase};

#[tokio::test]
async fn bought_contract_becomes_active_with_a_receipt_that_gives_its_id() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let request = purchase(&offer, 300);
        let reserved = app.post("/api/v1/contracts", &token, &request).await.expect(201);
        assert_eq!((&reserved["status"], &reserved["price_sats"]), (&json!("reserved"), &json!(300)));
        assert_eq!((&reserved["contract_id"], &reserved["receipt"]), (&json!(null), &json!(null)));
        assert!(reserved["payment_reference"].as_str().unwrap().starts_with("PH-"));
        assert_eq!(reserved["payout_address"], ADDRESS);

        let active = app.confirm(&reserved, 300).await.expect(200);
        assert_eq!(active["status"], "active");
        let term_ms = active["until_ms"].as_u64().unwrap() - active["from_ms"].as_u64().unwrap();
        assert_eq!(term_ms, 86_400_000);

        let receipt = Receipt {
            uuid: Uuid(*uuid::Uuid::parse_str(active["receipt"]["uuid"].as_str().unwrap()).unwrap().as_bytes()),
            nonce: request["nonce"].as_str().unwrap().parse().unwrap(),
            details: active["receipt"]["details"].as_str().unwrap().to_owned(),
        };
        assert_eq!(active["contract_id"], receipt.contract_id().to_string());
        let details = receipt.details().unwrap();
        assert_eq!(
            (details.units.get(), details.payment_reference.as_str()),
            (300, reserved["payment_reference"].as_str().unwrap())
        );

        let mut read =
            app.get(&format!("/api/v1/contracts/{}", active["id"].as_str().unwrap()), &token).await.expect(200);
        read["promised_work"] = active["promised_work"].clone();
        assert_eq!(read, active);
    })
    .await;
}

#[tokio::test]
async fn confirmed_contract_is_in_the_published_log() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let reserved = app.buy(&token, &offer).await.expect(201);
        let active = app.confirm(&reserved, 100).await.expect(200);
        let status = app.get("/api/v1/status", "").await.expect(200);
        assert!(status["tree_size"].as_u64().unwrap() > active["leaf_index"].as_u64().unwrap(), "{status}");
        let checkpoint = app.get("/log/checkpoint", "").await;
        let size: u64 = checkpoint.text.lines().nth(1).unwrap().parse().unwrap();
        assert!(size > active["leaf_index"].as_u64().unwrap(), "{}", checkpoint.text);
    })
    .await;
}

#[tokio::test]
async fn price_goes_to_sales_and_what_is_paid_above_it_is_owed_back() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let account = app.get("/api/v1/account", &token).await.expect(200);
        let offer = app.offer("Small", 1_000).await;
        let reserved = app.buy(&token, &offer).await.expect(201);
        app.confirm(&reserved, 99).await.problem(422, "payment_short");
        app.confirm(&reserved, 107).await.expect(200);
        app.confirm(&reserved, 107).await.problem(409, "contract_not_reserved");

        let ledger = app.get("/api/v1/admin/ledger", &app.operator).await.expect(200);
        let overpaid = format!("liability:overpaid:{}", account["id"].as_str().unwrap());
        let expected = json!([
            {"account": "asset:contract_payments", "balance_sats": 107},
            {"account": "income:contract_sales", "balance_sats": -100},
            {"account": overpaid, "balance_sats": -7},
        ]);
        assert_eq!(ledger["items"], expected);
    })
    .await;
}

#[tokio::test]
async fn concurrent_buyers_never_get_more_than_the_capacity() {
    on_each_database(async |app| {
        let offer = app.offer("Small", 700).await;
        let mut tokens = Vec::new();
        for buyer in 0..3 {
            tokens.push(app.customer(&format!("buyer{buyer}@example.org")).await);
        }
        let purchases = tokens.iter().flat_map(|token| (0..8).map(|_| app.buy(token, &offer)));
        let answers = futures_util::future::join_all(purchases).await;
        let bought = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(bought, 7);
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.problem(409, "sold_out");
        }
        let left = app.get(&format!("/api/v1/offers/{offer}"), "").await.expect(200);
        assert_eq!(left["available_hs"], "0");
    })
    .await;
}

#[tokio::test]
async fn cancelled_and_expired_reservations_give_their_units_back() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 100).await;
        let first = app.buy(&token, &offer).await.expect(201);
        app.buy(&token, &offer).await.problem(409, "sold_out");
        let path = format!("/api/v1/admin/contracts/{}/cancel", first["id"].as_str().unwrap());
        assert_eq!(app.post(&path, &app.operator, &json!({})).await.expect(200)["status"], "cancelled");

        let second = app.buy(&token, &offer).await.expect(201);
        sqlx::query("UPDATE contracts SET created_ms = 0, reserved_until_ms = 1 WHERE status = 'reserved'")
            .execute(app.database.pool())
            .await
            .unwrap();
        app.buy(&token, &offer).await.expect(201);
        app.confirm(&second, 100).await.problem(409, "contract_not_reserved");
    })
    .await;
}

#[tokio::test]
async fn one_account_holds_a_bounded_number_of_unpaid_contracts() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Large", 1_000_000).await;
        for _ in 0..20 {
            app.buy(&token, &offer).await.expect(201);
        }
        app.buy(&token, &offer).await.problem(409, "too_many_reservations");
        sqlx::query("UPDATE contracts SET created_ms = 0, reserved_until_ms = 1 WHERE status = 'reserved'")
            .execute(app.database.pool())
            .await
            .unwrap();
        app.buy(&token, &offer).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn other_peoples_contract_does_not_exist() {
    on_each_database(async |app| {
        let (ada, eve) = (app.customer("ada@example.org").await, app.customer("eve@example.org").await);
        let offer = app.offer("Small", 1_000).await;
        let contract = app.buy(&ada, &offer).await.expect(201);
        let id = contract["id"].as_str().unwrap();
        for path in [id.to_owned(), format!("{id}/epochs"), format!("{id}/credits"), format!("{id}/payouts")] {
            let theirs = app.get(&format!("/api/v1/contracts/{path}"), &eve).await.problem(404, "not_found");
            let missing = path.replace(id, "11111111-1111-4111-8111-111111111111");
            assert_eq!(app.get(&format!("/api/v1/contracts/{missing}"), &eve).await.problem(404, "not_found"), theirs);
            app.get(&format!("/api/v1/contracts/{path}"), &ada).await.expect(200);
            app.get(&format!("/api/v1/contracts/{path}"), "").await.problem(401, "unauthenticated");
        }
        assert_eq!(app.get("/api/v1/contracts", &eve).await.expect(200)["items"], json!([]));
    })
    .await;
}
