//! One JSON-RPC call to one node.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    NodeError,
    endpoint::{CoreEndpoint, Login},
};

/// Limit of an ordinary call: a full block is verified within it.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Limit of a long poll: twice the usual time between blocks. The node keeps a thread for an abandoned poll until its
/// tip moves, so polls are left to run and seldom renewed.
pub(super) const LONG_POLL: Duration = Duration::from_secs(1_200);

/// Longest answer that is read. A block has at most 8 million hex digits; the txids of a full mempool (300 MB) take more.
const MAX_ANSWER: usize = 128 << 20;

/// A client of one node.
#[derive(Debug)]
pub(super) struct Rpc {
    endpoint: CoreEndpoint,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
    message: String,
}

impl Rpc {
    pub(super) fn new(endpoint: CoreEndpoint) -> Result<Self, NodeError> {
        let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(5)).no_proxy();
        let http = builder.build().map_err(|error| NodeError::Config(error.to_string()))?;
        Ok(Self { endpoint, http })
    }

    /// Without credentials.
    pub(super) fn url(&self) -> &str {
        &self.endpoint.url
    }

    /// A call whose answer may be anything, `null` too.
    pub(super) async fn call(&self, method: &'static str, params: &Value, limit: Duration) -> Result<Value, NodeError> {
        Ok(self.ask(method, params, limit).await?.unwrap_or_default())
    }

    /// A call that is answered with a `T`. Megabytes are read straight into it.
    pub(super) async fn call_for<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        limit: Duration,
    ) -> Result<T, NodeError> {
        let result = self.ask(method, params, limit).await?;
        result.ok_or_else(|| NodeError::Malformed { method, reason: "null".into() })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        limit: Duration,
    ) -> Result<Option<T>, NodeError> {
        let (user, password) = self.login().await?;
        let body = json!({"jsonrpc": "1.0", "id": 0, "method": method, "params": params});
        let request = self.http.post(&self.endpoint.url).timeout(limit).basic_auth(user, Some(password)).json(&body);
        let mut response = request.send().await.map_err(|error| self.unreachable(with_causes(error)))?;
        let status = response.status();
        let stated = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut bytes = Vec::with_capacity(stated.unwrap_or_default().min(MAX_ANSWER));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(with_causes(error)))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                return Err(NodeError::Malformed { method, reason: format!("more than {MAX_ANSWER} bytes") });
            }
        }
        match serde_json::from_slice(&bytes) {
            Ok(Answer { error: Some(failure), .. }) => Err(failure.of(method)),
            Ok(Answer { result, error: None }) => Ok(result),
            // Bitcoin Core answers RPC errors with status 404 or 500 and the error as JSON; everything else is HTTP's.
            Err(error) => Err(match serde_json::from_slice::<Answer<IgnoredAny>>(&bytes) {
                Ok(Answer { error: Some(failure), .. }) => failure.of(method),
                Ok(Answer { error: None, .. }) => NodeError::Malformed { method, reason: error.to_string() },
                Err(_) => self.unreachable(format!("HTTP status {status}")),
            }),
        }
    }

    async fn login(&self) -> Result<(String, String), NodeError> {
        match &self.endpoint.login {
            Login::Password { user, password } => Ok((user.clone(), password.clone())),
            Login::Cookie(path) => {
                let cookie = tokio::fs::read_to_string(path).await;
                let cookie = cookie.map_err(|error| self.unreachable(format!("cookie file: {error}")))?;
                let parts = cookie.trim().split_once(':');
                let (user, password) = parts.ok_or_else(|| self.unreachable("cookie file holds no cookie".into()))?;
                Ok((user.to_owned(), password.to_owned()))
            }
        }
    }

    fn unreachable(&self, reason: String) -> NodeError {
        NodeError::Unreachable { node: self.endpoint.url.clone(), reason }
    }
}

impl Failure {
    fn of(self, method: &'static str) -> NodeError {
        NodeError::Refused { method, code: self.code, message: self.message }
    }
}

/// reqwest's own text stops at "error sending request"; the cause says why. The URL, which we name ourselves, goes.
fn with_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
