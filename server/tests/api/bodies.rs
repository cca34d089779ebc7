//! Requests that can't be read.

use reqwest::Method;
use serde_json::json;

use super::harness::{on_each_database, purchase, send};

#[tokio::test]
async fn wrong_bodies_are_problems_that_say_where() {
    on_each_database(async |app| {
        let post = async |content_type: &str, body: String| {
            let request = app.request(Method::POST, "/api/v1/sessions").header("Content-Type", content_type).body(body);
            send(request).await
        };
        let broken = post("application/json", "{\n  \"email\": }".into()).await.problem(400, "bad_json");
        assert_eq!(broken["position"], json!({"line": 2, "column": 12}));

        let unknown = r#"{"email":"a@b.c","password":"0123456789","admin":true}"#;
        let unknown = post("application/json", unknown.into()).await.problem(400, "bad_json");
        assert!(unknown["detail"].as_str().unwrap().contains("unknown field `admin`"), "{unknown}");

        post("application/json", String::new()).await.problem(400, "bad_json");
        post("application/json", "{\"email\":\"a\",\"email\":\"b\"}".into()).await.problem(400, "bad_json");
        post("text/plain", "{}".into()).await.problem(415, "unsupported_media_type");
        post("application/json", " ".repeat(64 * 1024 + 1)).await.problem(413, "body_too_large");
    })
    .await;
}

#[tokio::test]
async fn wrong_fields_of_a_purchase_are_all_named() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let wrong = json!({
            "offer_id": offer,
            "units_hs": "1e3",
            "payout_address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "nonce": "0".repeat(64),
        });
        let problem = app.post("/api/v1/contracts", &token, &wrong).await.problem(422, "invalid_request");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert_eq!(fields, ["units_hs", "payout_address", "nonce"]);

        for units in [50, 150, 1_100] {
            let problem = app.post("/api/v1/contracts", &token, &purchase(&offer, units)).await;
            assert_eq!(problem.problem(422, "invalid_request")["errors"][0]["field"], "units_hs");
        }
        let nowhere = purchase("11111111-1111-4111-8111-111111111111", 100);
        let problem = app.post("/api/v1/contracts", &token, &nowhere).await.problem(422, "invalid_request");
        assert_eq!(problem["errors"][0]["field"], "offer_id");
    })
    .await;
}

#[tokio::test]
async fn wrong_query_strings_are_refused() {
    on_each_database(async |app| {
        for query in ["limit=0", "limit=201", "limit=x", "cursor=!", "cursor=YWJj", "page=2"] {
            app.get(&format!("/api/v1/offers?{query}"), "").await.problem(400, "bad_query");
        }
        // "AA" is a NUL byte.
        app.get("/api/v1/admin/ledger?cursor=AA", &app.operator).await.problem(400, "bad_query");
    })
    .await;
}
