//! Questions to the Greenfield API, and answers of bounded length and time.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::settings::{BtcpaySettings, ServerUrl};
use crate::payments::GatewayError;

/// Longest answer that is read, in bytes: an invoice with a thousand payments.
const ANSWER_MAX: usize = 1 << 20;
/// Longest part of a refusal's text that is reported, in characters.
const REASON_MAX: usize = 200;

/// One store of one server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    server: ServerUrl,
    store: String,
}

impl Client {
    /// A redirect is no answer: the API key goes to one server only.
    pub(super) fn new(settings: &BtcpaySettings) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(settings.timeout)
            .default_headers(authorization(settings))
            .build()?;
        Ok(Self { http, server: settings.server.clone(), store: settings.store.clone() })
    }

    /// Reads something of the store.
    pub(super) async fn get<T>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, GatewayError>
    where
        T: DeserializeOwned,
    {
        ask(self.http.get(self.of_store(path)).query(query)).await
    }

    /// Makes something in the store.
    pub(super) async fn post<T>(&self, path: &[&str], body: &impl Serialize) -> Result<T, GatewayError>
    where
        T: DeserializeOwned,
    {
        ask(self.http.post(self.of_store(path)).json(body)).await
    }

    /// Whether the server is there and its node is up to date.
    pub(super) async fn health<T: DeserializeOwned>(&self) -> Result<T, GatewayError> {
        ask(self.http.get(self.server.join(&["api", "v1", "health"]))).await
    }

    fn of_store(&self, path: &[&str]) -> reqwest::Url {
        let segments: Vec<&str> =
            ["api", "v1", "stores", &self.store].into_iter().chain(path.iter().copied()).collect();
        self.server.join(&segments)
    }
}

fn authorization(settings: &BtcpaySettings) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("token {}", settings.api_key.expose()));
    value.into_iter().fold(HeaderMap::new(), |mut headers, mut value| {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        headers
    })
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, GatewayError> {
    let unreachable = |error: reqwest::Error| GatewayError::Server(format!("can't be reached: {error}"));
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let answer = read(response).await?;
    if status.is_success() {
        let unreadable = |error| GatewayError::Server(format!("answered what can't be read: {error}"));
        return serde_json::from_slice(&answer).map_err(unreadable);
    }
    let refusal = format!("answered {status}: {}", reason(&answer));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(GatewayError::Server(format!("{refusal}; check the store's id and the API key's permissions")))
        }
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(GatewayError::Invoice(refusal))
        }
        _ => Err(GatewayError::Server(refusal)),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, GatewayError> {
    let broken = |error: reqwest::Error| GatewayError::Server(format!("stopped answering: {error}"));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > ANSWER_MAX {
            return Err(GatewayError::Server(format!("answered with more than {ANSWER_MAX} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The beginning of a refusal, without what a terminal could be misled by.
fn reason(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    text.chars().filter(|character| !character.is_control()).take(REASON_MAX).collect()
}
