//! Which store of which BTCPay Server, and the secrets for it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

/// How a BTCPay Server is asked.
#[derive(Debug)]
pub struct BtcpaySettings {
    pub server: ServerUrl,
    /// The store's id, as BTCPay's settings show it.
    pub store: String,
    pub api_key: Secret,
    /// How long one question may take.
    pub timeout: Duration,
    /// How often an invoice that is waited for is read, when no webhook hints at a change.
    pub poll: Duration,
}

/// Something that must not be told. `Debug` shows stars.
#[derive(Clone)]
pub struct Secret(String);

/// Where a BTCPay Server is: `https`, or `http` to this very machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

impl ServerUrl {
    /// The address of `segments` under it.
    pub(super) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !is_plain || url.fragment().is_some() || url.cannot_be_a_base() {
            return Err("only scheme, host, port and path: the API key has its own file".into());
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err("https://… (http only to this machine: the API key would be readable on the way)".into()),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_key_only_travels_encrypted_or_not_at_all() {
        for text in ["https://pay.example", "https://pay.example/btcpay/", "http://127.0.0.1:23000", "http://[::1]:1"] {
            assert!(text.parse::<ServerUrl>().is_ok(), "{text}");
        }
        let wrong =
            ["http://pay.example", "ftp://pay.example", "https://u:p@pay.example", "https://pay.example?a=b", "x"];
        for text in wrong.into_iter().chain(["http://127.0.0.1.example", "https://pay.example#f"]) {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn paths_are_added_to_the_servers_own() {
        let server: ServerUrl = "https://pay.example/btcpay/".parse().unwrap();
        assert_eq!(server.join(&["api", "a/b"]).as_str(), "https://pay.example/btcpay/api/a%2Fb");
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("abc")), "Secret(****)");
    }
}
