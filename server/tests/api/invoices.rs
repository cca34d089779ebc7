//! Where a bought contract is paid.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{TestApp, on_each_database, on_each_database_with, purchase};

/// Public key of BIP 32's first test vector, as regtest writes it.
const RECEIVE: &str = "--receive-descriptor=wpkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/*)";
const FLAGS: &[&str] = &[RECEIVE, "--payments-every-ms=100", "--confirmations=2"];

async fn opened(app: &TestApp, token: &str, contract: &Value) -> Value {
    let path = format!("/api/v1/contracts/{}/invoice", contract["id"].as_str().unwrap());
    for _ in 0..300 {
        let invoice = app.get(&path, token).await.expect(200);
        if invoice["address"].is_string() {
            return invoice;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no address");
}

#[tokio::test]
async fn each_contract_is_paid_to_an_address_of_its_own() {
    on_each_database_with(FLAGS, async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        let mut addresses = Vec::new();
        for _ in 0..3 {
            let contract = app.post("/api/v1/contracts", &token, &purchase(&offer, 600)).await.expect(201);
            let invoice = opened(app, &token, &contract).await;
            let address = invoice["address"].as_str().unwrap().to_owned();
            assert!(address.starts_with("bcrt1q"), "{address}");
            assert_eq!(invoice["uri"], format!("bitcoin:{address}?amount=0.00000600"));
            assert_eq!((&invoice["state"], &invoice["gateway"]), (&json!("new"), &json!("chain")));
            assert_eq!((&invoice["missing_sats"], &invoice["confirmations"]), (&json!(600), &json!(2)));
            assert_eq!(invoice["events"][0]["kind"], "opened");
            addresses.push(address);
        }
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
        let listed = app.get("/api/v1/admin/invoices?state=new&limit=2", &app.operator).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        let rest = format!("/api/v1/admin/invoices?state=new&cursor={}", listed["next_cursor"].as_str().unwrap());
        assert_eq!(app.get(&rest, &app.operator).await.expect(200)["items"].as_array().unwrap().len(), 1);
        let settled = app.get("/api/v1/admin/invoices?state=settled", &app.operator).await.expect(200);
        assert_eq!(settled["items"], json!([]));
        app.get("/api/v1/admin/invoices?state=lost", &app.operator).await.problem(400, "bad_query");
        app.get("/api/v1/admin/invoices", &token).await.problem(401, "operator_only");
    })
    .await;
}

#[tokio::test]
async fn an_invoice_is_its_buyers_alone_and_only_where_payments_are_watched() {
    on_each_database_with(FLAGS, async |app| {
        let (ada, eve) = (app.customer("ada@example.org").await, app.customer("eve@example.org").await);
        let offer = app.offer("Small", 5_000).await;
        let contract = app.post("/api/v1/contracts", &ada, &purchase(&offer, 600)).await.expect(201);
        let path = format!("/api/v1/contracts/{}/invoice", contract["id"].as_str().unwrap());
        app.get(&path, &eve).await.problem(404, "not_found");
        app.get(&path, "").await.problem(401, "unauthenticated");
    })
    .await;
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        let contract = app.buy(&token, &offer).await.expect(201);
        let path = format!("/api/v1/contracts/{}/invoice", contract["id"].as_str().unwrap());
        app.get(&path, &token).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn what_no_node_would_pass_on_is_not_sold_on_chain() {
    on_each_database_with(FLAGS, async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        let refused = app.post("/api/v1/contracts", &token, &purchase(&offer, 500)).await;
        assert_eq!(refused.problem(422, "invalid_request")["errors"][0]["field"], "units_hs");
    })
    .await;
}

#[tokio::test]
async fn the_operator_can_confirm_by_hand_what_is_watched_too() {
    on_each_database_with(FLAGS, async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        let contract = app.post("/api/v1/contracts", &token, &purchase(&offer, 600)).await.expect(201);
        opened(app, &token, &contract).await;
        assert_eq!(app.confirm(&contract, 600).await.expect(200)["status"], "active");
        for _ in 0..300 {
            if opened(app, &token, &contract).await["state"] == "settled" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not settled");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_the_node_refuses_is_told_why() {
    on_each_database(async |app| {
        let hand_in = async |raw: &str, token: &str| {
            app.post("/api/v1/admin/transactions", token, &json!({"raw_transaction": raw})).await
        };
        hand_in("xy", &app.operator).await.problem(422, "invalid_request");
        hand_in("00", &app.operator).await.problem(422, "transaction_refused");
        hand_in("00", "").await.problem(401, "operator_only");
    })
    .await;
}
