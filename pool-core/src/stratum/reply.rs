//! Replies: `{"id", "result", "error"}`, the error always there because firmware and rental markets look for it.

use std::ops::Range;

use serde_json::{Value, json};

use crate::reject::RejectReason;

/// Serialises a reply that went well, with its line feed.
pub(crate) fn ok(id: &Value, result: Value) -> String {
    line(&json!({"id": id, "result": result, "error": null}))
}

/// Appends what [`ok`] says with `true` to the request whose id reads `id`, which is JSON; where the id is then.
pub(crate) fn push_true(bytes: &mut Vec<u8>, id: &str) -> Range<usize> {
    bytes.extend_from_slice(b"{\"error\":null,\"id\":");
    let start = bytes.len();
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(b",\"result\":true}\n");
    start..start + id.len()
}

/// Serialises a refusal, with its line feed: the error as `[code, text, null]`.
pub(crate) fn error(id: &Value, reason: RejectReason, text: &str) -> String {
    line(&json!({"id": id, "result": null, "error": [reason.code(), text, null]}))
}

/// A message with its line feed.
pub(super) fn line(message: &Value) -> String {
    format!("{message}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_is_written_alike_both_ways() {
        for id in ["7", "null", "\"a\\\"b\""] {
            let mut bytes = Vec::new();
            let at = push_true(&mut bytes, id);
            assert_eq!(&bytes[at], id.as_bytes());
            let id: Value = serde_json::from_str(id).unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), ok(&id, json!(true)));
        }
    }

    #[test]
    fn every_reply_has_an_error_key() {
        assert_eq!(ok(&json!(1), json!(true)), "{\"error\":null,\"id\":1,\"result\":true}\n");
        assert_eq!(
            error(&json!("a"), RejectReason::Duplicate, "Duplicate share"),
            "{\"error\":[22,\"Duplicate share\",null],\"id\":\"a\",\"result\":null}\n"
        );
    }
}
