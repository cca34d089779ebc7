//! The web pages: the static build of `frontend`, inside this binary.
//!
//! A page's own inline scripts are allowed by their hashes, so the content policy needs no `unsafe-inline`.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use audit_core::hash::{Hash32, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::api::middleware::CONTENT_POLICY;

#[derive(RustEmbed)]
#[folder = "../frontend/build"]
#[allow_missing = true]
struct Build;

/// SHA-256 of each module that the pages may load as the verifier, ascending; none in a binary without pages.
pub fn verifier_wasm_sha256() -> &'static [Hash32] {
    &WASM_SHA256
}

static WASM_SHA256: LazyLock<Vec<Hash32>> = LazyLock::new(|| {
    let modules = Build::iter().filter(|name| name.ends_with(".wasm")).filter_map(|name| Build::get(&name));
    let mut hashes: Vec<Hash32> = modules.map(|module| Hash32(sha256(&module.data))).collect();
    hashes.sort_unstable();
    hashes
});

/// The file or page of a request. Paths that look like pages get the application, which knows its own routes.
pub fn page(request: &HttpRequest) -> HttpResponse {
    let path = request.path().trim_start_matches('/');
    for name in [path.to_owned(), format!("{path}.html"), format!("{path}/index.html")] {
        if let Some(file) = Build::get(name.trim_start_matches('/')) {
            return answer(request, &name, file);
        }
    }
    if path.rsplit('/').next().is_some_and(|last| last.contains('.')) {
        return HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("no such file\n");
    }
    for name in ["200.html", "index.html"] {
        if let Some(file) = Build::get(name) {
            return answer(request, name, file);
        }
    }
    HttpResponse::NotFound()
        .content_type("text/plain; charset=utf-8")
        .body("this binary was built without its pages; the API is described at /api/openapi.json\n")
}

fn answer(request: &HttpRequest, name: &str, file: EmbeddedFile) -> HttpResponse {
    // Weak, because the same file also travels compressed.
    let etag = format!("W/\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = HttpResponse::build(StatusCode::OK);
    response.insert_header((ETAG, etag.clone())).insert_header((CACHE_CONTROL, caching(name)));
    // Also on 304: the answer's policy replaces that of the page in the browser's cache.
    if name.ends_with(".html") {
        let policy = content_policy(&String::from_utf8_lossy(&file.data));
        response.insert_header((CONTENT_SECURITY_POLICY, policy));
    }
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag)) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.content_type(media_type(name));
    response.body(file.data.into_owned())
}

/// SvelteKit names files under `assets/immutable` by their content; everything else is asked for again each time.
fn caching(name: &str) -> &'static str {
    if name.contains("assets/immutable/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The general policy, plus the hash of each inline script of this page (CSP level 2, `sha256-`).
fn content_policy(html: &str) -> String {
    let hashes: String = inline_scripts(html)
        .map(|script| format!(" 'sha256-{}'", STANDARD.encode(sha256(script.as_bytes()))))
        .collect();
    CONTENT_POLICY.replacen("script-src 'self'", &format!("script-src 'self'{hashes}"), 1)
}

/// The text of every script element without `src`.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inline_scripts_are_hashed() {
        let html = "<script src=\"/a.js\"></script><script>\n go() </script><script type=\"module\">x</script>";
        assert_eq!(inline_scripts(html).collect::<Vec<_>>(), ["\n go() ", "x"]);
        let policy = content_policy("<script>x</script>");
        // echo -n x | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("script-src 'self' 'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='"), "{policy}");
    }
}
