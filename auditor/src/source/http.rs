//! Evidence on a server.

use std::time::Duration;

use audit_core::audit::FetchError;
use ureq::{Agent, Error};

/// Give up on a server that is silent this long.
const TIMEOUT: Duration = Duration::from_secs(60);
const NOT_FOUND: u16 = 404;

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
        let unreadable = |error: Error| match error {
            Error::StatusCode(NOT_FOUND) => FetchError::NotFound,
            Error::BodyExceedsLimit(_) => FetchError::TooLong(limit),
            error => FetchError::Unreadable(error.to_string()),
        };
        let mut response = self.agent.get(format!("{}/{path}", self.base)).call().map_err(unreadable)?;
        // ureq refuses a body that reaches the limit; one byte more lets a body of just that length pass.
        let read = response.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
        read.map_err(unreadable)
    }
}
