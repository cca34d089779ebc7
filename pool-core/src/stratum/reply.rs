//! Replies: `{"id", "result", "error"}`, the error always there because firmware and rental markets look for it.

use serde_json::{Value, json};

use crate::reject::RejectReason;

/// Serialises a reply that went well, with its line feed.
pub(crate) fn ok(id: &Value, result: Value) -> String {
    line(&json!({"id": id, "result": result, "error": null}))
}

/// Serialises a refusal, with its line feed: the error as `[code, text, null]`.
pub(crate) fn error(id: &Value, reason: RejectReason, text: &str) -> String {
    line(&json!({"id": id, "result": null, "error": [reason.code(), text, null]}))
}

fn line(reply: &Value) -> String {
    let mut line = reply.to_string();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_an_error_key() {
        assert_eq!(ok(&json!(1), json!(true)), "{\"error\":null,\"id\":1,\"result\":true}\n");
        assert_eq!(
            error(&json!("a"), RejectReason::Duplicate, "Duplicate share"),
            "{\"error\":[22,\"Duplicate share\",null],\"id\":\"a\",\"result\":null}\n"
        );
    }
}
