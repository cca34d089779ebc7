//! Signing up, in and out.

use reqwest::Method;
use serde_json::json;

use super::harness::{PASSWORD, on_each_database, send};

#[tokio::test]
async fn customer_signs_up_in_and_out() {
    on_each_database(async |app| {
        let token = app.customer("Ada@Example.org").await;
        let account = app.get("/api/v1/account", &token).await.expect(200);
        assert_eq!(account["email"], "ada@example.org");

        let out = send(app.request(Method::DELETE, "/api/v1/sessions/current").bearer_auth(&token)).await;
        assert_eq!(out.status, 204);
        app.get("/api/v1/account", &token).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn browser_session_is_a_cookie_that_scripts_and_other_sites_cannot_use() {
    on_each_database(async |app| {
        app.customer("ada@example.org").await;
        let credentials = json!({"email": "ada@example.org", "password": PASSWORD});
        let answer = app.post("/api/v1/sessions", "", &credentials).await;
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        let account = send(app.request(Method::GET, "/api/v1/account").header("Cookie", pair)).await;
        assert_eq!(account.expect(200)["email"], "ada@example.org");
    })
    .await;
}

#[tokio::test]
async fn wrong_password_and_unknown_address_get_the_same_answer() {
    on_each_database(async |app| {
        app.customer("ada@example.org").await;
        let mut answers = Vec::new();
        for (email, password) in
            [("ada@example.org", "wrong horse battery"), ("bob@example.org", PASSWORD), ("no address", PASSWORD)]
        {
            let answer = app.post("/api/v1/sessions", "", &json!({"email": email, "password": password})).await;
            assert_eq!(answer.header("set-cookie"), "");
            answers.push(answer.problem(401, "wrong_credentials"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    })
    .await;
}

#[tokio::test]
async fn address_has_one_account_whatever_its_case() {
    on_each_database(async |app| {
        app.customer("ada@example.org").await;
        let again = json!({"email": "ADA@example.org", "password": PASSWORD});
        app.post("/api/v1/accounts", "", &again).await.problem(409, "email_taken");
        let weak = app.post("/api/v1/accounts", "", &json!({"email": "x", "password": "short"})).await;
        let errors = weak.problem(422, "invalid_request")["errors"].clone();
        assert_eq!((errors[0]["field"].as_str(), errors[1]["field"].as_str()), (Some("email"), Some("password")));
    })
    .await;
}

#[tokio::test]
async fn expired_session_is_refused() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        sqlx::query("UPDATE login_sessions SET created_ms = 0, expires_ms = 1")
            .execute(app.database.pool())
            .await
            .unwrap();
        app.get("/api/v1/account", &token).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn stored_sessions_and_passwords_are_hashes() {
    on_each_database(async |app| {
        let token = app.customer("ada@example.org").await;
        let pool = app.database.pool();
        let (stored,): (Vec<u8>,) =
            sqlx::query_as("SELECT token_hash FROM login_sessions").fetch_one(pool).await.unwrap();
        assert_eq!(stored, audit_core::hash::sha256(token.as_bytes()));
        let (hash,): (String,) = sqlx::query_as("SELECT password_hash FROM accounts").fetch_one(pool).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    })
    .await;
}

#[tokio::test]
async fn endless_sign_ins_are_slowed_down() {
    on_each_database(async |app| {
        let wrong = json!({"email": "nobody@example.org", "password": "wrong horse battery"});
        let attempts = (0..80).map(|_| app.post("/api/v1/sessions", "", &wrong));
        let answers = futures_util::future::join_all(attempts).await;
        let refused = answers.into_iter().find(|answer| answer.status == 429).unwrap();
        assert_eq!(refused.header("retry-after"), "2");
        refused.problem(429, "rate_limited");
    })
    .await;
}
