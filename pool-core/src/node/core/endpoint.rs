//! Where a Bitcoin Core node listens and how we log in.

use std::{fmt, path::PathBuf};

use super::NodeError;

const FORM: &str = "expected http://user:password@host:port or http://host:port?cookie=/path/to/.cookie";

/// Address and credentials of one node. Its `Debug` and `Display` show no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CoreEndpoint {
    /// `http://host:port/`, without credentials.
    pub url: String,
    /// How to log in.
    pub(super) login: Login,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Password {
        user: String,
        password: String,
    },
    /// Bitcoin Core writes a fresh cookie at every start, so it is read at every call.
    Cookie(PathBuf),
}

impl CoreEndpoint {
    /// Parses `http://user:password@host:port` or `http://host:port?cookie=/path/to/.cookie`.
    ///
    /// # Errors
    /// [`NodeError::Config`]; its text repeats nothing of the input, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, NodeError> {
        let invalid = || NodeError::Config(FORM.into());
        let rest = text.strip_prefix("http://").ok_or_else(invalid)?;
        if let Some((host, cookie)) = rest.split_once("?cookie=") {
            return Ok(Self { url: base_url(host).ok_or_else(invalid)?, login: Login::Cookie(cookie.into()) });
        }
        let (login, host) = rest.rsplit_once('@').ok_or_else(invalid)?;
        let (user, password) = login.split_once(':').ok_or_else(invalid)?;
        let login = Login::Password { user: user.to_owned(), password: password.to_owned() };
        Ok(Self { url: base_url(host).ok_or_else(invalid)?, login })
    }
}

fn base_url(host: &str) -> Option<String> {
    let host = host.trim_end_matches('/');
    let url = format!("http://{host}/");
    let valid = !host.is_empty() && !host.contains(['/', '@', '?', '#']) && reqwest::Url::parse(&url).is_ok();
    valid.then_some(url)
}

impl fmt::Display for CoreEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

impl fmt::Debug for CoreEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CoreEndpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url() {
        let endpoint = CoreEndpoint::parse("http://bob:p@ss:word@node:8332/").unwrap();
        assert_eq!(endpoint.url, "http://node:8332/");
        assert!(endpoint.login == Login::Password { user: "bob".into(), password: "p@ss:word".into() });
        assert!(!format!("{endpoint:?} {endpoint}").contains("word"));
    }

    #[test]
    fn cookie_files_are_named_in_the_query() {
        let endpoint = CoreEndpoint::parse("http://node:8332?cookie=/data/.cookie").unwrap();
        assert_eq!(endpoint.url, "http://node:8332/");
        assert!(endpoint.login == Login::Cookie("/data/.cookie".into()));
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for text in ["", "node:8332", "https://u:secret@h", "http://node:8332", "http://u:secret@", "http://secret@h/x"]
        {
            let error = CoreEndpoint::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
