use actix_web::dev::ServiceResponse;
use actix_web::middleware::Compress;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use tempfile::TempDir;

use super::*;

const SHARES: &[u8] = b"0123456789";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = EvidenceStore::new(folder.path());
    store.put("epoch/1/shares", SHARES).unwrap();
    store.put("epoch/1/jobs.json", &b"{\"epoch\":1}".repeat(400)).unwrap();
    store.put("log/tile/0/000.p/1", &[7; 32]).unwrap();
    store.replace("log/checkpoint", b"origin\n").unwrap();
    std::fs::write(folder.path().join("log.key"), "secret").unwrap();
    folder
}

async fn ask(folder: &TempDir, request: TestRequest) -> ServiceResponse<impl actix_web::body::MessageBody> {
    let store = web::Data::new(EvidenceStore::new(folder.path()));
    let app = App::new().wrap(Compress::default()).app_data(store).configure(configure);
    call_service(&init_service(app).await, request.to_request()).await
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn text(response: &ServiceResponse<impl actix_web::body::MessageBody>, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[actix_web::test]
async fn shares_are_served_as_they_are_with_ranges_for_any_site() {
    let folder = folder();
    let request = get("/epoch/1/shares").insert_header(("Accept-Encoding", "gzip, br"));
    let response = ask(&folder, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, "access-control-allow-origin"), "*");
    assert!(text(&response, "access-control-expose-headers").contains("Content-Range"));
    assert_eq!(text(&response, "cache-control"), FOR_EVER_AS_IS);
    assert_eq!(text(&response, "content-encoding"), "identity");
    assert!(text(&response, "etag").starts_with('"'));
    assert_eq!(read_body(response).await, SHARES);
}

#[actix_web::test]
async fn a_range_gives_exactly_its_bytes() {
    #[track_caller]
    fn check(response: &ServiceResponse<impl actix_web::body::MessageBody>, status: u16, range: &str) {
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(text(response, "content-range"), range);
    }
    let folder = folder();
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=8-99", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
        ("lines=0-1", 200, "", "0123456789"),
    ] {
        let response = ask(&folder, get("/epoch/1/shares").insert_header(("Range", range))).await;
        check(&response, status, content_range);
        assert_eq!(read_body(response).await, body, "{range}");
    }
}

#[actix_web::test]
async fn if_range_with_an_old_tag_gives_the_whole_file() {
    let folder = folder();
    let etag = text(&ask(&folder, get("/epoch/1/shares")).await, "etag");
    for (tag, status) in [(etag.as_str(), StatusCode::PARTIAL_CONTENT), ("\"old\"", StatusCode::OK)] {
        let request = get("/epoch/1/shares").insert_header(("Range", "bytes=0-0")).insert_header(("If-Range", tag));
        assert_eq!(ask(&folder, request).await.status(), status);
    }
}

#[actix_web::test]
async fn a_known_file_is_not_sent_again() {
    let folder = folder();
    for path in ["/epoch/1/shares", "/epoch/1/jobs.json"] {
        let etag = text(&ask(&folder, get(path)).await, "etag");
        let response = ask(&folder, get(path).insert_header(("If-None-Match", etag))).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[actix_web::test]
async fn json_may_be_compressed_and_has_no_ranges() {
    let folder = folder();
    let request =
        get("/epoch/1/jobs.json").insert_header(("Accept-Encoding", "gzip")).insert_header(("Range", "bytes=0-0"));
    let response = ask(&folder, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, "content-encoding"), "gzip");
    assert_eq!(text(&response, "content-type"), "application/json");
    assert!(text(&response, "etag").starts_with("W/"));
}

#[actix_web::test]
async fn the_newest_checkpoint_is_cached_for_seconds_only() {
    let folder = folder();
    let response = ask(&folder, get("/log/checkpoint")).await;
    assert_eq!(text(&response, "cache-control"), BRIEFLY);
    assert_eq!(text(&response, "content-type"), "text/plain; charset=utf-8");
}

#[actix_web::test]
async fn nothing_but_evidence_can_be_read() {
    let folder = folder();
    for path in
        ["/log/../log.key", "/log/%2e%2e/log.key", "/log/..%2flog.key", "/epoch/1/shares.tmp", "/log/", "/epoch/1/"]
    {
        let response = ask(&folder, get(path)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let missing = ask(&folder, get("/epoch/2/shares")).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(text(&missing, "cache-control"), NEVER);
    assert_eq!(text(&missing, "access-control-allow-origin"), "*");
}

#[actix_web::test]
async fn browsers_may_ask_for_ranges_from_other_sites_and_nobody_may_write() {
    let folder = folder();
    let preflight = ask(&folder, TestRequest::with_uri("/epoch/1/shares").method(Method::OPTIONS)).await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert!(text(&preflight, "access-control-allow-headers").contains("Range"));
    let write = ask(&folder, TestRequest::put().uri("/epoch/1/shares")).await;
    assert_eq!(write.status(), StatusCode::METHOD_NOT_ALLOWED);
    let head = ask(&folder, TestRequest::with_uri("/log/tile/0/000.p/1").method(Method::HEAD)).await;
    assert_eq!(head.status(), StatusCode::OK);
}
