//! Offers whose price follows the hashprice.

use audit_core::entry::Entry;
use audit_core::hash::BlockHash;
use audit_core::scheme::Hashprice;
use serde_json::{Value, json};

use super::harness::{TestApp, offer_request, on_each_database, purchase};

/// Satoshis for 1 PH/s and day that make 300 H/s cost 300 sats a day.
const ONE_SAT: u128 = 1_000_000_000_000_000;

/// An offer at what the hashrate earns.
async fn offer(app: &TestApp) -> Value {
    let mut request = offer_request("At hashprice", 1_000);
    request.as_object_mut().unwrap().remove("price_sats_per_ths_day");
    request["hashprice_ppm"] = json!(1_000_000);
    app.post("/api/v1/admin/offers", &app.operator, &request).await.expect(201)
}

/// Puts a hashprice at the end of the log, as the next epoch would, under an epoch of this height.
async fn log(app: &TestApp, sats_per_phs_day: u128, height: u32) -> u64 {
    let input = Hashprice { sats_per_phs_day, height, hash: BlockHash([7; 32]) }.to_input(1);
    let mut tx = app.database.begin().await.unwrap();
    sqlx::query("UPDATE epochs SET price_height = $1").bind(i64::from(height + 11)).execute(&mut *tx).await.unwrap();
    let index = server::db::log_entries::count(&mut tx).await.unwrap();
    let entry = Entry::ExternalInput(input).to_bytes();
    let row = server::db::log_entries::LogEntryRow { leaf_index: index, kind: "external_input".into(), entry };
    server::db::log_entries::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    index
}

#[tokio::test]
async fn a_quote_says_which_hashprice_it_follows_and_keeps_it() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = offer(app).await;
        assert_eq!((&offer["price_sats_per_ths_day"], &offer["hashprice_ppm"]), (&Value::Null, &json!(1_000_000)));
        let wanted = json!({"offer_id": offer["id"], "units_hs": "300"});
        let ask = async || app.post("/api/v1/quotes", &token, &wanted).await;
        app.first_epoch().await;
        ask().await.problem(409, "no_hashprice");

        let index = log(app, ONE_SAT, 100).await;
        let shown = app.get(&format!("/api/v1/offers/{}", offer["id"].as_str().unwrap()), "").await.expect(200);
        assert_eq!(shown["hashprice"]["log_index"], index);
        assert_eq!(shown["hashprice"]["sats_per_phs_day"], ONE_SAT.to_string());
        let quote = ask().await.expect(201);
        let followed = json!({"ppm": 1_000_000, "sats_per_phs_day": ONE_SAT.to_string(), "log_index": index});
        assert_eq!((&quote["hashprice"], &quote["price_sats"]), (&followed, &json!(300)));
        assert_eq!(quote["price_sats_per_ths_day"], Value::Null);

        log(app, 2 * ONE_SAT, 136).await;
        let mut purchase = purchase(offer["id"].as_str().unwrap(), 300);
        app.post("/api/v1/contracts", &token, &purchase).await.problem(422, "invalid_request");
        purchase["quote_id"] = quote["id"].clone();
        let bought = app.post("/api/v1/contracts", &token, &purchase).await.expect(201);
        assert_eq!(bought["price_sats"], 300, "the quote's price holds");
        assert_eq!(ask().await.expect(201)["price_sats"], 600);
    })
    .await;
}

#[tokio::test]
async fn a_quote_is_refused_when_the_offer_or_what_it_names_is_not_what_it_was() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = offer(app).await;
        app.first_epoch().await;
        log(app, ONE_SAT, 100).await;
        for change in [
            "UPDATE offers SET hashprice_ppm = hashprice_ppm + 100000",
            "UPDATE quotes SET hashprice_index = hashprice_index - 1",
            "UPDATE quotes SET price_sats = price_sats - 1",
        ] {
            let wanted = json!({"offer_id": offer["id"], "units_hs": "300"});
            let quote = app.post("/api/v1/quotes", &token, &wanted).await.expect(201);
            sqlx::query(change).execute(app.database.pool()).await.unwrap();
            let mut purchase = purchase(offer["id"].as_str().unwrap(), 300);
            purchase["quote_id"] = quote["id"].clone();
            app.post("/api/v1/contracts", &token, &purchase).await.problem(409, "quote_changed");
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_hashprice_sells_nothing() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = offer(app).await;
        app.first_epoch().await;
        log(app, ONE_SAT, 100).await;
        sqlx::query("UPDATE epochs SET price_height = 245").execute(app.database.pool()).await.unwrap();
        let wanted = json!({"offer_id": offer["id"], "units_hs": "300"});
        app.post("/api/v1/quotes", &token, &wanted).await.problem(409, "no_hashprice");
        let shown = app.get(&format!("/api/v1/offers/{}", offer["id"].as_str().unwrap()), "").await.expect(200);
        assert_eq!(shown["hashprice"], Value::Null);
    })
    .await;
}
