//! Whom an account may be paid to.

use reqwest::Method;
use serde_json::{Value, json};
use server::db::addresses::{self, ListedAddress};

use super::harness::{ADDRESS, Answer, PASSWORD, TestApp, on_each_database, on_each_database_with, purchase, send};

const PATH: &str = "/api/v1/account/addresses";
/// Others of the same network: BIP 173's and BIP 350's example keys.
const SECOND: &str = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
const THIRD: &str = "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6";
const DAY_MS: u64 = 86_400_000;

async fn add(app: &TestApp, token: &str, address: &str) -> Answer {
    app.post(PATH, token, &json!({ "address": address, "label": "Cold", "password": PASSWORD })).await
}

async fn remove(app: &TestApp, token: &str, address: &str) -> Answer {
    send(app.request(Method::DELETE, &format!("{PATH}/{address}")).bearer_auth(token)).await
}

async fn buy_to(app: &TestApp, token: &str, offer: &str, address: &str) -> Answer {
    let mut request = purchase(offer, 100);
    request["payout_address"] = address.into();
    app.post("/api/v1/contracts", token, &request).await
}

async fn listed(app: &TestApp, token: &str) -> Vec<String> {
    let list = app.get(PATH, token).await.expect(200);
    let listed = list["listed"].as_array().unwrap().iter();
    listed.map(|address| address["address"].as_str().unwrap().to_owned()).collect()
}

/// What the list says before an address is added.
async fn hold_of_next(app: &TestApp, token: &str) -> u64 {
    let list = app.get(PATH, token).await.expect(200);
    let newest_ms = list["listed"].as_array().unwrap().last().map_or(0, |it| it["added_ms"].as_u64().unwrap());
    assert!(list["now_ms"].as_u64().unwrap() >= newest_ms, "{list}");
    list["hold_ms"].as_u64().unwrap()
}

fn hold_of(added: &Value) -> u64 {
    added["usable_ms"].as_u64().unwrap() - added["added_ms"].as_u64().unwrap()
}

#[tokio::test]
async fn the_first_address_can_be_used_at_once_and_every_other_one_after_a_day() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        assert!(listed(app, &token).await.is_empty());
        assert_eq!(hold_of_next(app, &token).await, 0);
        buy_to(app, &token, &offer, ADDRESS).await.expect(201);
        assert_eq!(listed(app, &token).await, [ADDRESS]);
        assert_eq!(hold_of_next(app, &token).await, DAY_MS);
        buy_to(app, &token, &offer, ADDRESS).await.expect(201);
        buy_to(app, &token, &offer, SECOND).await.problem(409, "address_not_listed");
        let added = add(app, &token, SECOND).await.expect(201);
        assert_eq!((hold_of(&added), &added["label"]), (DAY_MS, &json!("Cold")));
        let held = buy_to(app, &token, &offer, SECOND).await;
        let retry_s: u64 = held.header("retry-after").parse().unwrap();
        assert!((DAY_MS / 1_000 - 60..=DAY_MS / 1_000).contains(&retry_s), "{retry_s}");
        let problem = held.problem(409, "address_on_hold");
        assert!(problem["detail"].as_str().unwrap().contains(&added["usable_ms"].to_string()), "{problem}");
    })
    .await;
}

#[tokio::test]
async fn a_removed_address_waits_again_and_leaves_a_trail() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        assert_eq!(hold_of(&add(app, &token, ADDRESS).await.expect(201)), 0);
        let contract = buy_to(app, &token, &offer, ADDRESS).await.expect(201);
        assert_eq!(remove(app, &token, ADDRESS).await.status, 204);
        assert_eq!(hold_of_next(app, &token).await, DAY_MS, "an emptied list is not a new one");
        remove(app, &token, ADDRESS).await.problem(404, "not_found");
        let path = format!("/api/v1/contracts/{}", contract["id"].as_str().unwrap());
        assert_eq!(app.get(&path, &token).await.expect(200)["payout_address"], ADDRESS, "contracts keep theirs");
        buy_to(app, &token, &offer, ADDRESS).await.problem(409, "address_not_listed");
        assert_eq!(hold_of(&add(app, &token, ADDRESS).await.expect(201)), DAY_MS);
        let list = app.get(PATH, &token).await.expect(200);
        assert_eq!((list["listed"].as_array().unwrap().len(), list["removed"].as_array().unwrap().len()), (1, 1));
        assert!(list["removed"][0]["removed_ms"].as_u64() >= list["removed"][0]["added_ms"].as_u64());
    })
    .await;
}

#[tokio::test]
async fn only_the_password_extends_the_list() {
    on_each_database(async |app| {
        let (ada, eve) = (app.customer("ada@example.org").await, app.customer("eve@example.org").await);
        let guess = json!({ "address": SECOND, "password": "wrong horse battery" });
        app.post(PATH, &ada, &guess).await.problem(401, "wrong_credentials");
        app.post(PATH, "", &guess).await.problem(401, "unauthenticated");
        assert!(listed(app, &ada).await.is_empty());
        add(app, &ada, ADDRESS).await.expect(201);
        add(app, &ada, ADDRESS).await.problem(409, "address_listed");
        assert!(listed(app, &eve).await.is_empty());
        remove(app, &eve, ADDRESS).await.problem(404, "not_found");
        let wrong = json!({ "address": "1x", "label": "x".repeat(61), "password": PASSWORD });
        let problem = app.post(PATH, &ada, &wrong).await.problem(422, "invalid_request");
        let fields: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["address", "label"]);
    })
    .await;
}

#[tokio::test]
async fn without_a_hold_every_address_can_be_used_at_once() {
    on_each_database_with(&["--address-hold-hours=0"], async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        for address in [ADDRESS, SECOND, THIRD] {
            buy_to(app, &token, &offer, address).await.expect(201);
        }
        assert_eq!((listed(app, &token).await.len(), hold_of_next(app, &token).await), (3, 0));
    })
    .await;
}

#[tokio::test]
async fn of_two_first_purchases_at_once_one_address_is_the_first() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 5_000).await;
        let (one, two) = tokio::join!(buy_to(app, &token, &offer, ADDRESS), buy_to(app, &token, &offer, SECOND));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        assert_eq!(listed(app, &token).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_bounded() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        add(app, &token, ADDRESS).await.expect(201);
        let account = app.get("/api/v1/account", &token).await.expect(200);
        let account_id = account["id"].as_str().unwrap().parse().unwrap();
        let mut tx = app.database.begin().await.unwrap();
        for number in 1..50 {
            let address = ListedAddress {
                account_id,
                script: vec![number],
                address: number.to_string(),
                label: String::new(),
                added_ms: 1,
                usable_ms: 1,
                removed_ms: None,
            };
            assert!(addresses::add(&mut tx, &address).await.unwrap());
        }
        tx.commit().await.unwrap();
        add(app, &token, SECOND).await.problem(409, "too_many_addresses");
        assert_eq!(remove(app, &token, "7").await.status, 204);
        add(app, &token, SECOND).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn endless_guesses_of_the_password_are_slowed_down() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let guess = json!({ "address": SECOND, "password": "wrong horse battery" });
        let guesses = (0..60).map(|_| app.post(PATH, &token, &guess));
        let answers = futures_util::future::join_all(guesses).await;
        answers.into_iter().find(|answer| answer.status == 429).unwrap().problem(429, "rate_limited");
    })
    .await;
}
