//! The operator's routes.

use serde_json::json;

use super::harness::{offer_request, on_each_database};

#[tokio::test]
async fn operator_routes_need_the_operators_token() {
    on_each_database(async |app| {
        let customer = app.customer("ada@example.org").await;
        let (most, last) = app.operator.split_at(63);
        let almost = format!("{most}{}", if last == "0" { "1" } else { "0" });
        for token in ["", customer.as_str(), almost.as_str()] {
            app.get("/api/v1/admin/contracts", token).await.problem(401, "operator_only");
            app.get("/api/v1/admin/ledger", token).await.problem(401, "operator_only");
            let offer = offer_request("Small", 1_000);
            let refused = app.post("/api/v1/admin/offers", token, &offer).await;
            assert!(refused.header("www-authenticate").starts_with("Bearer"));
            refused.problem(401, "operator_only");
        }
    })
    .await;
}

#[tokio::test]
async fn contracts_are_listed_by_status() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let first = app.buy(&token, &offer).await.expect(201);
        let second = app.buy(&token, &offer).await.expect(201);
        app.confirm(&first, 100).await.expect(200);
        let ids = async |query: &str| {
            let page = app.get(&format!("/api/v1/admin/contracts{query}"), &app.operator).await.expect(200);
            page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids("?status=reserved").await, [second["id"].clone()]);
        assert_eq!(ids("?status=active").await, [first["id"].clone()]);
        assert_eq!(ids("?status=cancelled").await.len(), 0);
        assert_eq!(ids("").await.len(), 2);
        app.get("/api/v1/admin/contracts?status=paid", &app.operator).await.problem(400, "bad_query");
    })
    .await;
}

#[tokio::test]
async fn unknown_contract_cannot_be_confirmed() {
    on_each_database(async |app| {
        let nothing = json!({"id": "11111111-1111-4111-8111-111111111111"});
        app.confirm(&nothing, 100).await.problem(404, "not_found");
        app.confirm(&json!({"id": "nonsense"}), 100).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn offer_that_cannot_be_sold_is_refused() {
    on_each_database(async |app| {
        let mut offer = offer_request("Small", 50);
        offer["max_units_hs"] = json!("10");
        let problem = app.post("/api/v1/admin/offers", &app.operator, &offer).await.problem(422, "invalid_request");
        assert_eq!(
            (&problem["errors"][0]["field"], &problem["errors"][1]["field"]),
            (&json!("max_units_hs"), &json!("capacity_hs"))
        );
    })
    .await;
}
