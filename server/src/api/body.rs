//! Requests that can't be read, as problems that say where reading stopped.

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::web::{JsonConfig, PathConfig, QueryConfig};

use crate::problem::{Code, Position, Problem};

pub fn json(limit: usize) -> JsonConfig {
    JsonConfig::default().limit(limit).error_handler(|error, _| unreadable(error).into())
}

pub fn query() -> QueryConfig {
    QueryConfig::default()
        .error_handler(|error: QueryPayloadError, _| Problem::new(Code::BadQuery, error.to_string()).into())
}

/// An identifier in a path that is none names nothing.
pub fn path() -> PathConfig {
    PathConfig::default().error_handler(|_: PathError, _| Problem::not_found("resource").into())
}

fn unreadable(error: JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::Deserialize(error) => {
            Problem::new(Code::BadJson, error.to_string()).at(Position { line: error.line(), column: error.column() })
        }
        JsonPayloadError::ContentType => {
            Problem::new(Code::UnsupportedMediaType, "send the body with Content-Type: application/json")
        }
        JsonPayloadError::OverflowKnownLength { limit, .. } | JsonPayloadError::Overflow { limit } => {
            Problem::new(Code::BodyTooLarge, format!("bodies have at most {limit} bytes"))
        }
        other => Problem::new(Code::BadJson, other.to_string()),
    }
}
