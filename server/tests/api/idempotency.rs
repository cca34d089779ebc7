//! A key makes a mutation happen once.

use reqwest::Method;
use serde_json::json;

use super::harness::{offer_request, on_each_database, purchase, send};

const CONTRACTS: &str = "/api/v1/contracts";

#[tokio::test]
async fn repeated_purchase_is_answered_again_and_happens_once() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let request = purchase(&offer, 100);
        let first = app.post_with_key(CONTRACTS, &token, "key", &request).await;
        assert_eq!(first.header("idempotency-replayed"), "");
        let again = app.post_with_key(CONTRACTS, &token, "key", &request).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.expect(201), again.expect(201));
        let contracts = app.get(CONTRACTS, &token).await.expect(200);
        assert_eq!(contracts["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn key_of_another_request_is_refused_but_keys_of_others_are_free() {
    on_each_database(async |app| {
        let (ada, bob) = (app.customer("ada@example.org").await, app.customer("bob@example.org").await);
        let offer = app.offer("Small", 1_000).await;
        app.post_with_key(CONTRACTS, &ada, "key", &purchase(&offer, 100)).await.expect(201);
        let other = app.post_with_key(CONTRACTS, &ada, "key", &purchase(&offer, 200)).await;
        other.problem(422, "idempotency_key_reused");
        app.post_with_key(CONTRACTS, &bob, "key", &purchase(&offer, 100)).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn purchase_needs_a_key_of_the_right_form() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let request = || app.request(Method::POST, CONTRACTS).bearer_auth(&token).json(&purchase(&offer, 100));
        send(request()).await.problem(400, "idempotency_key_missing");
        for wrong in ["a b".to_owned(), "k".repeat(256)] {
            send(request().header("Idempotency-Key", wrong)).await.problem(400, "idempotency_key_invalid");
        }
    })
    .await;
}

#[tokio::test]
async fn refusal_is_not_kept_under_the_key() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 100).await;
        let first = app.buy(&token, &offer).await.expect(201);
        let request = purchase(&offer, 100);
        app.post_with_key(CONTRACTS, &token, "key", &request).await.problem(409, "sold_out");
        let cancel = format!("/api/v1/admin/contracts/{}/cancel", first["id"].as_str().unwrap());
        app.post(&cancel, &app.operator, &json!({})).await.expect(200);
        app.post_with_key(CONTRACTS, &token, "key", &request).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn concurrent_repeats_of_a_purchase_buy_once() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let request = purchase(&offer, 100);
        let repeats = (0..8).map(|_| app.post_with_key(CONTRACTS, &token, "key", &request));
        for answer in futures_util::future::join_all(repeats).await {
            if answer.status != 201 {
                answer.problem(409, "idempotency_in_flight");
            }
        }
        let contracts = app.get(CONTRACTS, &token).await.expect(200);
        assert_eq!(contracts["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn repeated_confirmation_opens_and_books_once() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let contract = app.buy(&token, &offer).await.expect(201);
        let path = format!("/api/v1/admin/contracts/{}/confirm-payment", contract["id"].as_str().unwrap());
        let payment = json!({"received_sats": 100});
        let first = app.post_with_key(&path, &app.operator, "key", &payment).await.expect(200);
        let again = app.post_with_key(&path, &app.operator, "key", &payment).await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.expect(200), first);
        let ledger = app.get("/api/v1/admin/ledger", &app.operator).await.expect(200);
        assert_eq!(ledger["items"][0]["balance_sats"], 100);
    })
    .await;
}

#[tokio::test]
async fn key_is_optional_for_offers_and_works_there_too() {
    on_each_database(async |app| {
        let path = "/api/v1/admin/offers";
        let request = offer_request("Small", 1_000);
        let first = app.post_with_key(path, &app.operator, "key", &request).await.expect(201);
        assert_eq!(app.post_with_key(path, &app.operator, "key", &request).await.expect(201), first);
        let without = send(app.request(Method::POST, path).bearer_auth(&app.operator).json(&request)).await;
        without.problem(409, "name_taken");
    })
    .await;
}
