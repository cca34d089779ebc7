//! Proofs to keep.

use audit_core::entry::Entry;
use audit_core::policy::Policy;
use audit_core::tlog_proof::TlogProof;

use super::harness::{TestApp, on_each_database};

/// The entry that a proof proves to someone who trusts the log's own policy.
async fn proven(app: &TestApp, text: &str) -> (u64, Entry) {
    let policy = Policy::parse(app.get("/log/policy", "").await.text).unwrap();
    let proof = TlogProof::parse(text.as_bytes()).unwrap();
    let judged = policy.judge(&proof.note).unwrap();
    let entry = proof.extra.as_ref().unwrap();
    proof.verify(entry, &judged.checkpoint).unwrap();
    (judged.checkpoint.size, Entry::from_bytes(entry).unwrap())
}

#[tokio::test]
async fn an_entry_is_proven_under_the_newest_head() {
    on_each_database(async |app| {
        let answer = app.get("/api/v1/log/entries/0/proof", "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"entry-0.tlog-proof\"");
        assert!(!answer.header("cache-control").contains("immutable"), "the newest head changes");
        assert!(matches!(proven(app, &answer.text).await, (_, Entry::Manifest(_))));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_has_no_proof() {
    on_each_database(async |app| {
        for path in [
            "/api/v1/log/entries/1000000/proof",
            "/api/v1/log/entries/18446744073709551615/proof",
            "/api/v1/log/entries/-1/proof",
            "/api/v1/log/entries/0/proof?size=2",
            "/api/v1/epochs/1/shares/proof?first=0&count=1",
            "/api/v1/epochs/99/shares/proof?first=0&count=1",
        ] {
            app.get(path, "").await.problem(404, "not_found");
        }
        for path in [
            "/api/v1/log/entries/0/proof?size=x",
            "/api/v1/log/entries/0/proof?index=1",
            "/api/v1/epochs/1/shares/proof",
            "/api/v1/epochs/1/shares/proof?first=0&count=-1",
        ] {
            app.get(path, "").await.problem(400, "bad_query");
        }
    })
    .await;
}
