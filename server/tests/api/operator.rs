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

#[tokio::test]
async fn a_contract_is_closed_early_only_where_its_terms_refund_and_says_so() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let mut refunding = offer_request("Refunding", 1_000);
        refunding["terms"] = json!({
            "scheme": "proportional", "fee_ppm": 20_000, "maintenance": "included", "rounding": "largest_remainder",
            "suspension": "none", "shortfall": {"make_good": {"tolerance_ppm": 10_000}}, "refund": "unused_time",
        });
        let offer = app.post("/api/v1/admin/offers", &app.operator, &refunding).await.expect(201);
        let refunding = app.buy(&token, offer["id"].as_str().unwrap()).await.expect(201);
        let usual = app.buy(&token, &app.offer("Usual", 1_000).await).await.expect(201);
        let close = async |contract: &serde_json::Value, reason: &str| {
            let path = format!("/api/v1/admin/contracts/{}/close", contract["id"].as_str().unwrap());
            app.post(&path, &app.operator, &json!({"reason": reason})).await
        };
        close(&refunding, "too early").await.problem(409, "contract_not_running");
        for contract in [&refunding, &usual] {
            assert_eq!(app.confirm(contract, 100).await.expect(200)["life"]["state"], "paid");
        }
        close(&usual, "no").await.problem(409, "no_refund");
        close(&refunding, " ").await.problem(422, "invalid_request");
        close(&refunding, "fulfilled").await.problem(422, "invalid_request");
        let closed = close(&refunding, "the site is shut down").await.expect(200);
        assert_eq!(closed["status"], "fulfilled");
        close(&refunding, "again").await.problem(409, "contract_not_running");

        let path = format!("/api/v1/contracts/{}", refunding["id"].as_str().unwrap());
        let shown = app.get(&path, &token).await.expect(200);
        assert_eq!(
            (&shown["life"]["state"], &shown["life"]["reason"]),
            (&json!("closed"), &json!("the site is shut down"))
        );
        assert_eq!(shown["life"]["paid_back"], json!(null), "its period is not concluded");
        let terms = format!("/api/v1/terms/{}", offer["terms_index"]);
        let terms = app.get(&terms, "").await.expect(200);
        assert_eq!(terms["refunds_unused_time"], true);
        assert_eq!((&terms["make_good_tolerance_ppm"], &terms["suspension"]), (&json!(10_000), &json!(null)));
    })
    .await;
}
