//! The one place where something that went wrong becomes an answer: RFC 9457 problem details with stable codes.
//!
//! Programs match on `code` (also in `type`, as `urn:provenhash:problem:<code>`), people read `detail`, which says what
//! to do. What happened inside the server on a 5xx goes to the program log only.

mod code;

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;

use crate::db::DbError;
use crate::tlog::TlogError;

/// An answer that says why a request was not served.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    position: Option<Position>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One field of a request that has to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field as in the request.
    #[schema(example = "units_hs")]
    pub field: String,
    /// What it must be.
    pub detail: String,
}

/// Where in the request body reading stopped, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// The body of a problem as it travels.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:provenhash:problem:<code>`
    #[serde(rename = "type")]
    pub urn: String,
    pub title: String,
    pub status: u16,
    pub code: Code,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), position: None, headers: Vec::new() }
    }

    /// 404 for what does not exist and for what belongs to someone else: the two must look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// 422 with the fields to change.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.field, only.detail),
            several => format!("{} fields have to change", several.len()),
        };
        Self { errors, ..Self::new(Code::InvalidRequest, detail) }
    }

    /// 500; the cause goes to the program log and nowhere else.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::new(Code::Internal, "the server failed to do this; nothing was changed, try again later")
    }

    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Asks the client to come back after `seconds`.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Names the methods that would have been right (RFC 9110 §15.5.6 asks for it on a 405).
    pub fn allow(self, methods: &str) -> Self {
        match HeaderValue::from_str(methods) {
            Ok(value) => self.with(ALLOW, value),
            Err(_) => self,
        }
    }

    pub fn code(&self) -> Code {
        self.code
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn body(&self) -> ProblemBody {
        ProblemBody {
            urn: format!("urn:provenhash:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            position: self.position,
        }
    }
}

impl FieldError {
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"provenhash\""));
        }
        for header in &self.headers {
            response.insert_header(header.clone());
        }
        response.body(serde_json::to_string(&self.body()).unwrap_or_default())
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Self::internal(error)
    }
}

impl From<TlogError> for Problem {
    fn from(error: TlogError) -> Self {
        Self::internal(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}
