//! Parsers of what rigs send.

use pool_core::{JobId, stratum::request::parse};

/// A line is a request or a complaint; neither repeats more than the line said.
pub(crate) fn stratum_line(bytes: &[u8]) {
    match parse(bytes) {
        Ok(request) => assert!(request.id.is_null() || request.id.is_number() || request.id.is_string()),
        Err(complaint) => assert!(complaint.text.chars().all(|char| !char.is_control()), "{:?}", complaint.text),
    }
}

/// A job's id keeps its meaning when it is written.
pub(crate) fn job_id(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(read) = text.parse::<JobId>() {
        assert_eq!(read.to_string(), text.to_lowercase());
    }
}
