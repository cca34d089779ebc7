//! The route table, its document, and what holds for every answer.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::harness::{on_each_database, send};

#[tokio::test]
async fn every_documented_route_exists() {
    on_each_database(async |app| {
        let offer = app.offer("Small", 1_000).await;
        app.published(1).await;
        let document = app.get("/api/openapi.json", "").await.expect(200);
        let routes = operations(&document);
        assert!(routes.len() > 20);
        for (method, path, _) in &routes {
            let path = path
                .replace("{id}", &offer)
                .replace("{index}", "1")
                .replace("{epoch}", "1")
                .replace("{number}", "1")
                .replace("{month}", "2026-11");
            let answer = send(app.request(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), &path)).await;
            assert!(!matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn served_document_is_the_printed_one_with_unique_operations() {
    on_each_database(async |app| {
        let served = app.get("/api/openapi.json", "").await.expect(200);
        let printed: Value = serde_json::from_str(&server::api::openapi::document().to_json().unwrap()).unwrap();
        assert_eq!(served, printed);
        let ids: BTreeSet<_> = operations(&served).into_iter().map(|(_, _, id)| id).collect();
        assert_eq!(ids.len(), operations(&served).len());
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_under_api() {
    on_each_database(async |app| {
        for path in ["/api", "/api/", "/api/v2/offers", "/api/v1/nothing", "/api/v1/offers/nonsense"] {
            app.get(path, "").await.problem(404, "not_found");
        }
        let wrong = send(app.request(Method::PUT, "/api/v1/offers")).await;
        assert_eq!(wrong.header("allow"), "GET");
        wrong.problem(405, "method_not_allowed");
        let id = "11111111-1111-4111-8111-111111111111";
        let wrong = send(app.request(Method::DELETE, &format!("/api/v1/contracts/{id}"))).await;
        wrong.problem(405, "method_not_allowed");
        send(app.request(Method::POST, "/")).await.problem(405, "method_not_allowed");
    })
    .await;
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    on_each_database(async |app| {
        for path in ["/", "/api/v1/status", "/api/nothing", "/livez"] {
            let answer = app.get(path, "").await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
            assert!(!policy.contains("script-src 'self' 'unsafe"), "{path}: {policy}");
        }
        assert_eq!(app.get("/api/v1/status", "").await.header("cache-control"), "no-store");
    })
    .await;
}

#[tokio::test]
async fn probes_answer_in_text() {
    on_each_database(async |app| {
        assert_eq!(app.get("/livez", "").await.text, "ok\n");
        app.get("/api/v1/nothing", "").await;
        let metrics = app.get("/metrics", "").await;
        assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4");
        assert!(metrics.text.contains("provenhash_http_responses_total{class=\"4xx\"} 1\n"), "{}", metrics.text);
        assert!(metrics.text.contains("provenhash_log_entries "));
    })
    .await;
}

#[tokio::test]
async fn status_names_the_log_and_the_chain() {
    on_each_database(async |app| {
        let status = app.get("/api/v1/status", "").await.expect(200);
        assert_eq!((&status["network"], &status["origin"]), (&"regtest".into(), &"localhost/provenhash".into()));
        assert!(status["log_vkey"].as_str().unwrap().starts_with("localhost/provenhash+"));
        assert_eq!(status["chain"]["height"], 0);
        for list in ["epochs", "blocks", "settlements"] {
            app.get(&format!("/api/v1/{list}"), "").await.expect(200);
        }
    })
    .await;
}

/// Method, path and operation id of each documented operation.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            (method.clone(), path.clone(), operation["operationId"].as_str().unwrap().to_owned())
        })
    });
    operations.collect()
}
