//! Lots: registered by the operator, demanded by the pool, counted leg by leg.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::harness::{TestApp, on_each_database, on_folder};

/// What the pool says to a login over a connection of its own.
async fn login(stratum: SocketAddr, name: &str, password: &str) -> Value {
    let mut connection = BufReader::new(TcpStream::connect(stratum).await.unwrap());
    call(&mut connection, "mining.authorize", json!([name, password])).await
}

async fn call(connection: &mut BufReader<TcpStream>, method: &str, params: Value) -> Value {
    let request = json!({"id": 1, "method": method, "params": params});
    connection.get_mut().write_all(format!("{request}\n").as_bytes()).await.unwrap();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await.unwrap();
        let message: Value = serde_json::from_str(&line).unwrap();
        if message["id"] == 1 {
            return message;
        }
    }
}

async fn create(app: &TestApp, name: &str) -> String {
    let created = app.post("/api/v1/admin/lots", &app.operator, &json!({"name": name})).await.expect(201);
    created["secret"].as_str().unwrap().to_owned()
}

async fn view(app: &TestApp, name: &str) -> Value {
    let page = app.get("/api/v1/admin/lots", &app.operator).await.expect(200);
    page["items"].as_array().unwrap().iter().find(|lot| lot["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn a_lots_secret_opens_its_logins_and_no_other() {
    on_each_database(async |app| {
        let (one, two) = (create(app, "one").await, create(app, "two").await);
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
        assert_eq!(login(app.stratum, "one.rig", &one).await["result"], true);
        assert_eq!(login(app.stratum, "two.rig", &two).await["result"], true);
        for (name, password) in [("one.rig", two.as_str()), ("one.rig", "x"), ("one.rig", ""), ("two", one.as_str())] {
            assert_eq!(login(app.stratum, name, password).await["error"][0], 24, "{name} {password}");
        }
        // Lots are not required here.
        assert_eq!(login(app.stratum, "other.rig", "x").await["result"], true);
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_told_once_and_stored_as_its_hash() {
    on_each_database(async |app| {
        let secret = create(app, "one").await;
        let listed = app.get("/api/v1/admin/lots", &app.operator).await;
        assert!(!listed.text.contains(&secret), "{}", listed.text);
        let stored = server::db::lots::all(app.database.pool()).await.unwrap();
        assert_eq!(stored[0].secret_hash.0, audit_core::hash::sha256(secret.as_bytes()));
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_for_ever_and_must_fit_a_login() {
    on_each_database(async |app| {
        create(app, "one").await;
        app.post("/api/v1/admin/lots/one/close", &app.operator, &json!(null)).await.expect(200);
        let again = app.post("/api/v1/admin/lots", &app.operator, &json!({"name": "one"})).await;
        again.problem(409, "name_taken");
        for name in ["", "a.b", "a b", "ä", "a/b", "a+1", "a\u{0}", &"x".repeat(41)] {
            let refused = app.post("/api/v1/admin/lots", &app.operator, &json!({"name": name})).await;
            assert_eq!(refused.problem(422, "invalid_request")["errors"][0]["field"], "name", "{name}");
        }
        create(app, &"x".repeat(40)).await;
    })
    .await;
}

#[tokio::test]
async fn a_closed_lot_refuses_logins() {
    on_each_database(async |app| {
        let secret = create(app, "one").await;
        let closed = app.post("/api/v1/admin/lots/one/close", &app.operator, &json!(null)).await.expect(200);
        let closed_ms = closed["closed_ms"].as_u64().unwrap();
        assert_eq!(login(app.stratum, "one.rig", &secret).await["error"][0], 24);
        let again = app.post("/api/v1/admin/lots/one/close", &app.operator, &json!(null)).await.expect(200);
        assert_eq!(again["closed_ms"], closed_ms);
        app.post("/api/v1/admin/lots/two/close", &app.operator, &json!(null)).await.problem(404, "not_found");
        app.post("/api/v1/admin/lots/a%00b/close", &app.operator, &json!(null)).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn what_a_lot_brings_is_counted_by_what_became_of_it() {
    on_each_database(async |app| {
        let secret = create(app, "one").await;
        let mut connection = BufReader::new(TcpStream::connect(app.stratum).await.unwrap());
        call(&mut connection, "mining.subscribe", json!(["cgminer/4.12.1"])).await;
        call(&mut connection, "mining.authorize", json!(["one.rig", secret])).await;
        let nonsense = json!(["one.rig", "nonsense", "0000000000000000", "00000000", "00000000"]);
        for _ in 0..3 {
            assert_eq!(call(&mut connection, "mining.submit", nonsense.clone()).await["error"][0], 21);
        }
        let lot = view(app, "one").await;
        assert_eq!((&lot["workers"], &lot["received"], &lot["accepted"]), (&json!(1), &json!(3), &json!(0)));
        assert_eq!((&lot["work"], &lot["closed_ms"]), (&json!("0"), &Value::Null));
        assert_eq!(lot["rejected"], json!([{"reason": "unknown_job", "count": 3}]));
        assert_eq!(lot["agents"], json!([{"agent": "cgminer/4.12.1", "logins": 1}]));
        let metrics = app.get("/metrics", "").await.text;
        for line in [
            "provenhash_lot_workers{lot=\"one\"} 1\n",
            "provenhash_lot_shares_accepted_total{lot=\"one\"} 0\n",
            "provenhash_lot_shares_rejected_total{lot=\"one\",reason=\"unknown_job\"} 3\n",
        ] {
            assert!(metrics.contains(line), "{line}{metrics}");
        }
    })
    .await;
}

#[tokio::test]
async fn lots_are_the_operators() {
    on_each_database(async |app| {
        let customer = app.customer("ada@example.org").await;
        for token in ["", customer.as_str()] {
            app.get("/api/v1/admin/lots", token).await.problem(401, "operator_only");
            app.post("/api/v1/admin/lots", token, &json!({"name": "one"})).await.problem(401, "operator_only");
            app.post("/api/v1/admin/lots/one/close", token, &json!(null)).await.problem(401, "operator_only");
        }
    })
    .await;
}

#[tokio::test]
async fn with_lots_required_others_are_refused_and_a_restart_forgets_none() {
    let folder = tempfile::tempdir().unwrap();
    let secret = OnceLock::new();
    on_folder(folder.path(), &["--require-lots"], async |app| {
        assert_eq!(login(app.stratum, "other.rig", "x").await["error"][0], 24);
        secret.set(create(app, "one").await).unwrap();
        create(app, "two").await;
        app.post("/api/v1/admin/lots/two/close", &app.operator, &json!(null)).await.expect(200);
    })
    .await;
    on_folder(folder.path(), &["--require-lots"], async |app| {
        assert_eq!(login(app.stratum, "one.rig", secret.get().unwrap()).await["result"], true);
        assert_eq!(login(app.stratum, "one.rig", "x").await["error"][0], 24);
        assert_eq!(login(app.stratum, "other.rig", "x").await["error"][0], 24);
        assert!(view(app, "two").await["closed_ms"].is_u64());
    })
    .await;
}
