//! Parsers of what rigs send.

use pool_core::{
    JobId,
    stratum::{
        request::{Call, parse},
        submit,
    },
};

/// A line is a request or a complaint; neither repeats more than the line said, and ids are repeated as they were.
pub(crate) fn stratum_line(bytes: &[u8]) {
    let read = parse(bytes);
    match &read {
        Ok(request) => {
            assert!(request.id.is_null() || request.id.is_i64() || request.id.is_u64() || request.id.is_string());
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&request.id.to_string()).ok().as_ref(),
                Some(&request.id)
            );
            if let Call::Authorize(login) = &request.call {
                assert!(login.name.starts_with(&login.worker), "{login:?}");
            }
        }
        Err(complaint) => assert!(complaint.text.chars().all(|char| !char.is_control()), "{:?}", complaint.text),
    }
    if let Some(line) = submit::parse(bytes) {
        let Ok(request) = read else { panic!("only the fast parser reads {line:?}") };
        let Call::Submit(submit) = &request.call else { panic!("{request:?} is no submission") };
        assert_eq!((request.id.to_string().as_str(), submit.texts()), (line.id, line.texts));
    }
}

/// A job's id keeps its meaning when it is written.
pub(crate) fn job_id(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(read) = text.parse::<JobId>() {
        assert_eq!(read.to_string(), text.to_lowercase());
    }
}
