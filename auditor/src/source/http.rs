//! Evidence on a server.

use std::{io::Read, time::Duration};

use audit_core::audit::FetchError;
use ureq::{Agent, Error};

/// Give up on a server that is silent this long.
const TIMEOUT: Duration = Duration::from_secs(60);
const PARTIAL: u16 = 206;
const NOT_FOUND: u16 = 404;
const BEHIND_THE_END: u16 = 416;

/// A log's base URL with its connections.
pub(crate) struct Server {
    base: String,
    agent: Agent,
}

impl Server {
    pub(super) fn new(url: &str) -> Self {
        let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
        Self { base: url.trim_end_matches('/').into(), agent: config.into() }
    }

    /// GETs a file, at most `limit` bytes.
    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let unreadable = |error| unreadable(error, limit);
        let mut response = self.agent.get(self.url(path)).call().map_err(unreadable)?;
        // ureq refuses a body that reaches the limit; one byte more lets a body of just that length pass.
        let read = response.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
        read.map_err(unreadable)
    }

    /// GETs `length` bytes of a file from `start` on, or up to its end (RFC 9110, section 14). A server that knows no
    /// ranges sends the whole file: what is before and behind is skipped.
    pub(super) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        let Some(last) = start.saturating_add(length).checked_sub(1).filter(|_| length > 0) else {
            return Ok(Vec::new());
        };
        let request = self.agent.get(self.url(path)).header("Range", format!("bytes={start}-{last}"));
        let mut response = match request.call() {
            Ok(response) => response,
            Err(Error::StatusCode(BEHIND_THE_END)) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error, length)),
        };
        let skip = if response.status().as_u16() == PARTIAL { 0 } else { start };
        let mut body = response.body_mut().as_reader();
        let failed = |error: std::io::Error| FetchError::Unreadable(error.to_string());
        std::io::copy(&mut (&mut body).take(skip), &mut std::io::sink()).map_err(failed)?;
        let mut bytes = Vec::new();
        body.take(length).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

fn unreadable(error: Error, limit: u64) -> FetchError {
    match error {
        Error::StatusCode(NOT_FOUND) => FetchError::NotFound,
        Error::BodyExceedsLimit(_) => FetchError::TooLong(limit),
        error => FetchError::Unreadable(error.to_string()),
    }
}
