//! From a quote to the purchase that uses it, and capacity that all offers share.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::harness::{TestApp, offer_request, on_each_database, on_each_database_with, purchase};

async fn quote(app: &TestApp, token: &str, offer: &str, units_hs: u64) -> Value {
    let wanted = json!({"offer_id": offer, "units_hs": units_hs.to_string()});
    app.post("/api/v1/quotes", token, &wanted).await.expect(201)
}

fn purchase_at(quote: &Value, units_hs: u64) -> Value {
    let mut purchase = purchase(quote["offer_id"].as_str().unwrap(), units_hs);
    purchase["quote_id"] = quote["id"].clone();
    purchase
}

async fn set(app: &TestApp, sql: &'static str) {
    sqlx::query(sql).execute(app.database.pool()).await.unwrap();
}

#[tokio::test]
async fn a_quote_lists_what_is_paid_and_a_purchase_has_its_price() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let quote = quote(app, &token, &offer, 300).await;
        let named = |field: &str| quote[field].as_u64().unwrap();
        assert_eq!((named("price_sats"), named("maintenance_sats"), named("total_sats")), (300, 0, 300));
        assert_eq!((named("fee_ppm"), named("term_ms")), (20_000, 86_400_000));
        assert_eq!(named("expires_ms") - named("created_ms"), 900_000);
        assert_eq!(quote["terms_sha256"].as_str().unwrap().len(), 64);
        let bought = app.post("/api/v1/contracts", &token, &purchase_at(&quote, 300)).await.expect(201);
        assert_eq!((&bought["price_sats"], &bought["terms_index"]), (&quote["price_sats"], &quote["terms_index"]));
    })
    .await;
}

#[tokio::test]
async fn maintenance_of_the_terms_is_an_item_of_its_own() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let mut request = offer_request("With maintenance", 1_000);
        request["terms"] = json!({
            "scheme": "proportional", "fee_ppm": 10_000, "maintenance": {"sats_per_ths_day": 500_000_000_000u64},
            "rounding": "largest_remainder", "suspension": "none", "shortfall": "pro_rata", "refund": "none",
        });
        let offer = app.post("/api/v1/admin/offers", &app.operator, &request).await.expect(201);
        let quote = quote(app, &token, offer["id"].as_str().unwrap(), 300).await;
        let items =
            ["price_sats", "maintenance_sats", "total_sats", "fee_ppm"].map(|item| quote[item].as_u64().unwrap());
        assert_eq!(items, [300, 150, 450, 10_000]);
    })
    .await;
}

#[tokio::test]
async fn a_quote_is_used_once_in_time_by_its_account_for_what_it_says() {
    on_each_database(async |app| {
        let (ada, eve) = (app.customer("ada@example.org").await, app.customer("eve@example.org").await);
        let (offer, other) = (app.offer("Small", 5_000).await, app.offer("Other", 5_000).await);
        let buy = async |token: &str, purchase: Value| app.post("/api/v1/contracts", token, &purchase).await;
        let first = quote(app, &ada, &offer, 300).await;
        buy(&eve, purchase_at(&first, 300)).await.problem(422, "invalid_request");
        buy(&ada, purchase_at(&first, 400)).await.problem(422, "invalid_request");
        let mut of_other = purchase_at(&first, 300);
        of_other["offer_id"] = json!(other);
        buy(&ada, of_other).await.problem(422, "invalid_request");
        buy(&ada, purchase_at(&first, 300)).await.expect(201);
        buy(&ada, purchase_at(&first, 300)).await.problem(409, "quote_expired");

        let second = quote(app, &ada, &offer, 300).await;
        set(app, "UPDATE quotes SET created_ms = 0, expires_ms = 1 WHERE contract_id IS NULL").await;
        buy(&ada, purchase_at(&second, 300)).await.problem(409, "quote_expired");
    })
    .await;
}

#[tokio::test]
async fn a_quote_whose_price_or_terms_changed_is_refused() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        for change in [
            "UPDATE offers SET price_sats_per_ths_day = price_sats_per_ths_day * 2",
            "UPDATE quotes SET terms_index = terms_index + 1",
            "UPDATE quotes SET terms_sha256 = offers.nonce FROM (SELECT nonce FROM contracts LIMIT 1) AS offers",
        ] {
            app.buy(&token, &offer).await.expect(201);
            let quote = quote(app, &token, &offer, 300).await;
            set(app, change).await;
            app.post("/api/v1/contracts", &token, &purchase_at(&quote, 300)).await.problem(409, "quote_changed");
        }
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_bought_is_not_quoted() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 500).await;
        let ask = async |units: &str| {
            let wanted = json!({"offer_id": offer, "units_hs": units});
            app.post("/api/v1/quotes", &token, &wanted).await
        };
        ask("150").await.problem(422, "invalid_request");
        ask("-1").await.problem(422, "invalid_request");
        ask("600").await.problem(409, "sold_out");
    })
    .await;
}

#[tokio::test]
async fn one_account_holds_a_bounded_number_of_quotes_and_what_ran_out_is_forgotten() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 1_000).await;
        let wanted = json!({"offer_id": offer, "units_hs": "100"});
        let ask = async || app.post("/api/v1/quotes", &token, &wanted).await;
        let used = ask().await.expect(201);
        app.post("/api/v1/contracts", &token, &purchase_at(&used, 100)).await.expect(201);
        for _ in 0..100 {
            ask().await.expect(201);
        }
        let refused = ask().await;
        assert_eq!(refused.header("retry-after"), "60");
        refused.problem(409, "too_many_quotes");
        set(app, "UPDATE quotes SET created_ms = 0, expires_ms = 1").await;
        ask().await.expect(201);
        let left: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM quotes").fetch_one(app.database.pool()).await.unwrap();
        assert_eq!(left.0, 2, "the one that was used stays");
    })
    .await;
}

/// 100 slots of 100 H/s in the declared capacity, sold through three offers that would each sell all of it.
#[tokio::test]
async fn three_hundred_concurrent_buyers_of_three_offers_get_a_hundred_slots() {
    on_each_database_with(&["--capacity-hs=10000"], async |app| {
        let mut offers = Vec::new();
        for name in ["One", "Two", "Three"] {
            offers.push(app.offer(name, 10_000).await);
        }
        let names = (0..15).map(|buyer| async move { app.customer(&format!("buyer{buyer}@example.org")).await });
        let tokens = join_all(names).await;
        let buyers = tokens.iter().flat_map(|token| (0..20).map(move |turn| (token, turn % 3)));
        let answers = join_all(buyers.map(|(token, offer)| app.buy(token, &offers[offer]))).await;
        assert_eq!(answers.len(), 300);
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 100);
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.problem(409, "sold_out");
        }
        for offer in &offers {
            let left = app.get(&format!("/api/v1/offers/{offer}"), "").await.expect(200);
            assert_eq!(left["available_hs"], "0");
        }
    })
    .await;
}
