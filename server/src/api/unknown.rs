//! Requests that no route takes: 404 or 405 as a problem under `/api`, pages everywhere else.

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use utoipa::openapi::{OpenApi, PathItem};

use crate::assets;
use crate::problem::{Code, Problem};

/// The documented paths and the methods of each.
pub struct Documented(Vec<(ResourceDef, String)>);

impl Documented {
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    /// The methods of a path, as for an Allow header; `None` for a path that isn't documented.
    fn methods_of(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

pub async fn answer(request: HttpRequest, documented: Data<Documented>) -> HttpResponse {
    let path = request.path();
    if let Some(methods) = documented.methods_of(path) {
        let detail = format!("this resource has the methods {methods}");
        return Problem::new(Code::MethodNotAllowed, detail).allow(methods).error_response();
    }
    if path == "/api" || path.starts_with("/api/") {
        return Problem::not_found("resource; GET /api/openapi.json lists all").error_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(Code::MethodNotAllowed, "pages are read with GET").allow("GET, HEAD").error_response();
    }
    assets::page(&request)
}

fn methods(item: &PathItem) -> String {
    let known = [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    let present: Vec<_> = known.into_iter().filter(|(_, present)| *present).map(|(method, _)| method).collect();
    present.join(", ")
}
