//! `mining.authorize` → who logs in, and what the texts of name and password ask for besides.

use std::fmt;

use audit_core::work::Level;

use super::difficulty::level_at_least;

/// Who logs in.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The name as it was sent, which submissions repeat.
    pub name: String,
    /// The name without a difficulty behind `+`: who it is.
    pub worker: String,
    pub secret: Secret,
    /// No easier shares are wanted: `+N` behind the name (Braiins), `d=N` or `diff=N` in the password.
    pub minimum_level: Option<Level>,
}

/// What is left of the password without its options. Never shown.
#[derive(Clone, PartialEq, Default)]
pub struct Secret(String);

impl Login {
    pub(crate) fn new(name: &str, password: &str) -> Self {
        let suffix = name.rsplit_once('+').and_then(|(worker, number)| Some((worker, difficulty(number)?)));
        let (worker, of_name) = suffix.map_or((name, None), |(worker, level)| (worker, Some(level)));
        let (options, rest): (Vec<_>, Vec<_>) =
            password.split([',', ';', ' ']).partition(|part| difficulty_option(part).is_some());
        let of_password = options.into_iter().find_map(difficulty_option);
        Self {
            name: name.to_owned(),
            worker: worker.to_owned(),
            secret: Secret(rest.join(",")),
            minimum_level: of_name.max(of_password),
        }
    }
}

impl Secret {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

fn difficulty_option(part: &str) -> Option<Level> {
    let (name, number) = part.split_once('=')?;
    matches!(name, "d" | "diff").then(|| difficulty(number))?
}

/// Digits with at most one point: `parse` alone takes `inf`, `1e9` and signs too.
fn difficulty(text: &str) -> Option<Level> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain).and_then(level_at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, password: &str, worker: &str, secret: &str, level: Option<i8>) {
        let login = Login::new(name, password);
        assert_eq!((login.name.as_str(), login.worker.as_str()), (name, worker));
        assert_eq!((login.secret.0.as_str(), login.minimum_level.map(Level::get)), (secret, level));
    }

    #[test]
    fn difficulties_are_read_from_name_and_password() {
        check("lot.rig", "x", "lot.rig", "x", None);
        check("lot.rig+65536", "x", "lot.rig", "x", Some(16));
        check("lot.rig", "d=65536", "lot.rig", "", Some(16));
        check("lot.rig", "diff=1000", "lot.rig", "", Some(10));
        check("lot.rig", "secret,d=0.5", "lot.rig", "secret", Some(-1));
        check("lot.rig", "d=4096;secret", "lot.rig", "secret", Some(12));
        check("lot.rig+1024", "x d=2048", "lot.rig", "x", Some(11));
    }

    #[test]
    fn what_is_no_difficulty_stays_where_it_was() {
        check("lot+rig", "d=", "lot+rig", "d=", None);
        check("lot.rig+", "d=-5", "lot.rig+", "d=-5", None);
        check("lot.rig+1e9", "d=inf", "lot.rig+1e9", "d=inf", None);
        check("lot.rig", "word=5", "lot.rig", "word=5", None);
        check("lot.rig+0", "d=0", "lot.rig+0", "d=0", None);
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert!(!format!("{:?}", Login::new("lot.rig", "hunter2")).contains("hunter2"));
    }
}
