//! What customers are owed back, and how it is given back.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{ADDRESS, Answer, PASSWORD, TestApp, on_each_database, send};

const OWN: &str = "/api/v1/account/refunds";
const ALL: &str = "/api/v1/admin/refunds";
const OWED: &str = "/api/v1/admin/refunds/owed";
const SECOND: &str = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";

/// A customer who has paid 70 sats too much; gives the token and the account's id.
async fn overpaid(app: &TestApp, email: &str) -> (String, String) {
    let token = app.customer(email).await;
    let offer = app.offer(email, 5_000).await;
    let contract = app.buy(&token, &offer).await.expect(201);
    let price = contract["price_sats"].as_u64().unwrap();
    app.confirm(&contract, price + 70).await.expect(200);
    let account = app.get("/api/v1/account", &token).await.expect(200);
    (token, account["id"].as_str().unwrap().to_owned())
}

async fn choose(app: &TestApp, token: &str, address: &str) -> Answer {
    let request = app.request(Method::PUT, "/api/v1/account/refund-address").bearer_auth(token);
    send(request.json(&json!({ "address": address }))).await
}

async fn record(app: &TestApp, account: &str, number: u8, sats: u64) -> Answer {
    let output = format!("{}:0", format!("{number:02x}").repeat(32));
    let request = json!({ "account_id": account, "output": output, "refund_sats": sats });
    app.post(ALL, &app.operator, &request).await
}

fn sums(view: &Value) -> (u64, u64) {
    (view["owed_sats"].as_u64().unwrap(), view["on_its_way_sats"].as_u64().unwrap())
}

#[tokio::test]
async fn what_is_owed_back_is_shown_and_never_recorded_twice() {
    on_each_database(async |app| {
        let (token, account) = overpaid(app, "ada@example.org").await;
        app.customer("bob@example.org").await;
        let owed = app.get(OWED, &app.operator).await.expect(200);
        assert_eq!(owed["items"].as_array().unwrap().len(), 1);
        assert_eq!((&owed["items"][0]["account_id"], &owed["items"][0]["address"]), (&json!(account), &Value::Null));
        record(app, &account, 1, 50).await.problem(409, "no_refund_address");
        let chosen = choose(app, &token, ADDRESS).await.expect(200);
        assert_eq!((sums(&chosen), &chosen["address"]), ((70, 0), &json!(ADDRESS)));
        let refund = record(app, &account, 1, 50).await.expect(201);
        assert_eq!((&refund["state"], &refund["address"]), (&json!("recorded"), &json!(ADDRESS)));
        record(app, &account, 1, 5).await.problem(409, "refund_recorded");
        let problem = record(app, &account, 2, 21).await.problem(422, "invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains("owed 20 sats"), "{problem}");
        record(app, &account, 2, 20).await.expect(201);
        let own = app.get(OWN, &token).await.expect(200);
        assert_eq!((sums(&own), own["refunds"].as_array().unwrap().len()), ((70, 70), 2));
        let owed = app.get(OWED, &app.operator).await.expect(200);
        assert_eq!((sums(&owed["items"][0]), &owed["items"][0]["address"]), ((70, 70), &json!(ADDRESS)));
        let first = app.get(&format!("{ALL}?limit=1"), &app.operator).await.expect(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(&format!("{ALL}?limit=1&cursor={cursor}"), &app.operator).await.expect(200);
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    })
    .await;
}

#[tokio::test]
async fn of_recordings_at_once_none_goes_above_what_is_owed() {
    on_each_database(async |app| {
        let (token, account) = overpaid(app, "ada@example.org").await;
        choose(app, &token, ADDRESS).await.expect(200);
        let recordings = (0..8).map(|number| record(app, &account, number, 20));
        let answers = futures_util::future::join_all(recordings).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
        assert_eq!(sums(&app.get(OWN, &token).await.expect(200)), (70, 60));
    })
    .await;
}

#[tokio::test]
async fn refunds_go_to_addresses_of_the_list_alone() {
    on_each_database(async |app| {
        let (token, account) = overpaid(app, "ada@example.org").await;
        choose(app, &token, SECOND).await.problem(409, "address_not_listed");
        let add = json!({ "address": SECOND, "password": PASSWORD });
        app.post("/api/v1/account/addresses", &token, &add).await.expect(201);
        choose(app, &token, SECOND).await.problem(409, "address_on_hold");
        choose(app, &token, "x").await.problem(422, "invalid_request");
        choose(app, &token, ADDRESS).await.expect(200);
        let remove = app.request(Method::DELETE, &format!("/api/v1/account/addresses/{ADDRESS}")).bearer_auth(&token);
        assert_eq!(send(remove).await.status, 204);
        assert_eq!(app.get(OWN, &token).await.expect(200)["address"], Value::Null);
        record(app, &account, 1, 50).await.problem(409, "no_refund_address");
    })
    .await;
}

#[tokio::test]
async fn only_the_operator_records_refunds_and_only_with_right_fields() {
    on_each_database(async |app| {
        let (token, account) = overpaid(app, "ada@example.org").await;
        for path in [ALL, OWED] {
            app.get(path, &token).await.problem(401, "operator_only");
        }
        app.post(ALL, &token, &json!({})).await.problem(401, "operator_only");
        app.get(OWN, "").await.problem(401, "unauthenticated");
        let wrong = json!({ "account_id": account, "output": "x:0", "refund_sats": 0 });
        let problem = app.post(ALL, &app.operator, &wrong).await.problem(422, "invalid_request");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    })
    .await;
}
