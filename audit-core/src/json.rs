//! Evidence JSON is canonical: exactly the bytes that these types serialise to, no white space, fields in order.
//!
//! So a parser that differs in its leniency can't see another content, and every changed byte is an error.

use alloc::{string::String, vec::Vec};

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Why bytes are not the canonical JSON of a type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not JSON of this shape.
    #[error("line {line}, column {column}: {message}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column in bytes.
        column: usize,
        /// What was expected.
        message: String,
    },
    /// JSON of this shape, but written otherwise than the canonical form.
    #[error("not canonical JSON at byte {0}")]
    NotCanonical(usize),
}

/// Parses canonical JSON.
///
/// # Errors
/// See [`JsonError`].
pub fn from_canonical<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, JsonError> {
    let value: T = serde_json::from_slice(bytes).map_err(|error| JsonError::Shape {
        line: error.line(),
        column: error.column(),
        message: message_without_position(&error),
    })?;
    let canonical = to_canonical(&value);
    if canonical == bytes {
        return Ok(value);
    }
    let same = canonical.iter().zip(bytes).take_while(|(ours, theirs)| ours == theirs).count();
    Err(JsonError::NotCanonical(same))
}

/// The canonical JSON of a value.
pub fn to_canonical<T: Serialize>(value: &T) -> Vec<u8> {
    // The evidence types have only string keys and no failing serialiser: an empty file fails every parse.
    serde_json::to_vec(value).unwrap_or_default()
}

fn message_without_position(error: &serde_json::Error) -> String {
    let text = alloc::format!("{error}");
    match text.rfind(" at line ") {
        Some(end) => text[..end].into(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_order_and_double_keys_are_refused() {
        #[derive(Serialize, serde::Deserialize, Debug, PartialEq)]
        struct Pair {
            a: u64,
            b: u64,
        }
        assert_eq!(from_canonical(br#"{"a":1,"b":2}"#), Ok(Pair { a: 1, b: 2 }));
        assert_eq!(from_canonical::<Pair>(br#"{"a":1, "b":2}"#), Err(JsonError::NotCanonical(7)));
        assert_eq!(from_canonical::<Pair>(br#"{"b":2,"a":1}"#), Err(JsonError::NotCanonical(2)));
        assert_eq!(from_canonical::<Pair>(br#"{"a":1,"b":2,"c":3}"#), Err(JsonError::NotCanonical(12)));
        assert!(matches!(from_canonical::<Pair>(br#"{"a":1,"a":1,"b":2}"#), Err(JsonError::Shape { .. })));
        assert!(matches!(from_canonical::<Pair>(br#"{"a":01,"b":2}"#), Err(JsonError::Shape { .. })));
    }
}
