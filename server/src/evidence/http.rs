//! Evidence over HTTP: the public folders, for anyone, from any site; nearly all of it is cacheable for ever.
//!
//! A client resumes a broken download with `Range` and `If-Range`; strong ETags make that safe. Files that intermediaries
//! may compress have a weak ETag and no ranges, since a byte range of a compressed form means nothing.

use std::io::{self, SeekFrom};
use std::time::UNIX_EPOCH;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ByteRangeSpec, EntityTag, Header, HeaderValue, IfNoneMatch, Range};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::EvidenceStore;
use super::path::{Changes, Nature, nature};

/// Bytes read from disk at once.
const PIECE: u64 = 64 * 1024;
/// What never changes may be kept for ever; a year is what caches understand as that (RFC 9111).
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The same for files whose bytes are addressed by ranges: no proxy may recode them.
pub(crate) const FOR_EVER_AS_IS: &str = "public, max-age=31536000, immutable, no-transform";
/// The newest checkpoint and the policy: a few seconds (C2SP tlog-tiles).
pub(crate) const BRIEFLY: &str = "public, max-age=5, no-transform";
/// The chain's last period grows, and its two files must fit each other: no copy is used without asking.
const ASKING: &str = "public, no-cache, no-transform";
/// A file that is not there yet may be there a second later.
const NEVER: &str = "no-store";

/// Adds the public folders to an app. The store is app data.
pub fn configure(app: &mut web::ServiceConfig) {
    for folder in
        ["log", "epoch", "allocation", "settlement", "accrual", "conclusion", "liabilities", "payout", "chain"]
    {
        let resource = web::resource(format!("/{folder}/{{rest:.*}}"))
            .route(web::get().to(serve))
            .route(web::head().to(serve))
            .route(web::method(Method::OPTIONS).to(preflight))
            .default_service(web::to(method_not_allowed));
        app.service(resource);
    }
}

/// A file that is open to be served.
struct Served {
    file: File,
    len: u64,
    etag: EntityTag,
    nature: Nature,
}

async fn serve(request: HttpRequest, store: web::Data<EvidenceStore>) -> HttpResponse {
    match open(&store, request.path()).await {
        Ok(Some(served)) => answer(&request, served).await.unwrap_or_else(|error| failed(&request, &error)),
        Ok(None) => open_to_all(StatusCode::NOT_FOUND)
            .insert_header((header::CACHE_CONTROL, NEVER))
            .content_type("text/plain; charset=utf-8")
            .body("no such evidence, or not yet\n"),
        Err(error) => failed(&request, &error),
    }
}

async fn preflight() -> HttpResponse {
    open_to_all(StatusCode::NO_CONTENT)
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Range, If-Range, If-None-Match"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

async fn method_not_allowed() -> HttpResponse {
    open_to_all(StatusCode::METHOD_NOT_ALLOWED).insert_header((header::ALLOW, "GET, HEAD, OPTIONS")).finish()
}

/// `None` when the path names no evidence or the file does not exist.
async fn open(store: &EvidenceStore, url_path: &str) -> io::Result<Option<Served>> {
    // The grammar knows only ASCII without percent signs, so an encoded path never matches.
    let Some((path, nature)) = url_path.strip_prefix('/').and_then(|path| Some((path, nature(path)?))) else {
        return Ok(None);
    };
    let file = match File::open(store.root.join(path)).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Ok(None);
    }
    // Files are only ever replaced whole, by rename: length and time of writing name the content.
    let written = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let tag = format!("{written:x}-{:x}", metadata.len());
    let etag = if nature.compressible { EntityTag::new_weak(tag) } else { EntityTag::new_strong(tag) };
    Ok(Some(Served { file, len: metadata.len(), etag, nature }))
}

async fn answer(request: &HttpRequest, served: Served) -> io::Result<HttpResponse> {
    if is_known(request, &served.etag) {
        return Ok(with_validators(StatusCode::NOT_MODIFIED, &served).finish());
    }
    match wanted_range(request, &served) {
        Wanted::All => {
            let mut response = with_validators(StatusCode::OK, &served);
            let len = served.len;
            send(&mut response, served, 0, len).await
        }
        Wanted::Part { first, last } => {
            let mut response = with_validators(StatusCode::PARTIAL_CONTENT, &served);
            response.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", served.len)));
            send(&mut response, served, first, last - first + 1).await
        }
        Wanted::Nothing => Ok(open_to_all(StatusCode::RANGE_NOT_SATISFIABLE)
            .insert_header((header::CONTENT_RANGE, format!("bytes */{}", served.len)))
            .insert_header((header::CACHE_CONTROL, NEVER))
            .finish()),
    }
}

/// Which bytes a request is for.
enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Nothing,
}

/// RFC 9110, section 14: a range is honoured for GET, when there is one of it, and when `If-Range` has our strong tag.
fn wanted_range(request: &HttpRequest, served: &Served) -> Wanted {
    if served.nature.compressible || request.method() != Method::GET {
        return Wanted::All;
    }
    let spec = match Range::parse(request) {
        Ok(Range::Bytes(specs)) => match specs[..] {
            [ref spec] => spec.clone(),
            _ => return Wanted::All,
        },
        _ => return Wanted::All,
    };
    if let Some(condition) = request.headers().get(header::IF_RANGE)
        && condition.as_bytes() != served.etag.to_string().as_bytes()
    {
        return Wanted::All;
    }
    satisfiable(&spec, served.len)
}

fn satisfiable(spec: &ByteRangeSpec, len: u64) -> Wanted {
    match spec.to_satisfiable_range(len) {
        Some((first, last)) => Wanted::Part { first, last },
        None => Wanted::Nothing,
    }
}

fn is_known(request: &HttpRequest, etag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(etag)),
        Err(_) => false,
    }
}

fn with_validators(status: StatusCode, served: &Served) -> HttpResponseBuilder {
    let mut response = open_to_all(status);
    let cache = match (served.nature.changes, served.nature.compressible) {
        (Changes::Never, true) => FOR_EVER,
        (Changes::Never, false) => FOR_EVER_AS_IS,
        (Changes::Often, _) => BRIEFLY,
        (Changes::AtAnyTime, _) => ASKING,
    };
    response.insert_header((header::CACHE_CONTROL, cache));
    response.insert_header((header::ETAG, served.etag.to_string()));
    response.insert_header((header::CONTENT_TYPE, served.nature.content_type));
    if !served.nature.compressible {
        response.insert_header((header::ACCEPT_RANGES, "bytes"));
        // Also what keeps this server's own compression away from the body.
        response.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("identity")));
    }
    response
}

async fn send(response: &mut HttpResponseBuilder, served: Served, first: u64, len: u64) -> io::Result<HttpResponse> {
    let mut file = served.file;
    file.seek(SeekFrom::Start(first)).await?;
    let pieces = stream::try_unfold((file, len), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let mut piece = Vec::new();
        let read = (&mut file).take(left.min(PIECE)).read_to_end(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    });
    Ok(response.body(SizedStream::new(len, Box::pin(pieces))))
}

/// Evidence is for everyone: any page may read it, with what it needs to check ranges.
fn open_to_all(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    response.insert_header((
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag",
    ));
    response.insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}

fn failed(request: &HttpRequest, error: &io::Error) -> HttpResponse {
    tracing::error!(path = request.path(), %error, "evidence could not be read");
    open_to_all(StatusCode::INTERNAL_SERVER_ERROR).insert_header((header::CACHE_CONTROL, NEVER)).finish()
}

#[cfg(test)]
mod tests;
