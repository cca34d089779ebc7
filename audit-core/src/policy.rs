//! The verifier's one trust setting (c2sp.org/tlog-policy): which log, and which witnesses must have seen it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use thiserror::Error;

use crate::checkpoint::Vkey;

/// Longest policy that is read, in bytes.
pub const POLICY_MAX: usize = 65_536;

/// A parsed policy. Witnesses are not yet asked for, so only `quorum none` can be satisfied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The log whose checkpoints are believed.
    pub log: Vkey,
    /// Whether the policy demands cosignatures.
    pub quorum: Quorum,
}

/// Which cosignatures a checkpoint needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quorum {
    /// None.
    None,
    /// That of this witness or group.
    Of(String),
}

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// A line that is not understood.
    #[error("policy line {0}: expected 'log <vkey> [url]', 'witness …', 'group …' or 'quorum none'")]
    Line(usize),
    /// Not exactly one log.
    #[error("policy: expected exactly one 'log' line, found {0}")]
    Logs(usize),
    /// No or more than one quorum line.
    #[error("policy: expected exactly one 'quorum' line, found {0}")]
    Quorums(usize),
}

impl Policy {
    /// The policy that trusts one log without witnesses.
    pub fn of_log(log: Vkey) -> Self {
        Self { log, quorum: Quorum::None }
    }

    /// Parses a policy; empty lines and lines that start with `#` are comments.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (mut logs, mut quorums) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", vkey] | ["log", vkey, _] => {
                    logs.push(vkey.parse().map_err(|_| PolicyError::Line(index + 1))?);
                }
                ["quorum", "none"] => quorums.push(Quorum::None),
                ["quorum", name] => quorums.push(Quorum::Of(name.to_string())),
                ["witness", _, _] | ["witness", _, _, _] | ["group", _, _, ..] => {}
                _ => return Err(PolicyError::Line(index + 1)),
            }
        }
        let (log_count, quorum_count) = (logs.len(), quorums.len());
        match (logs.pop(), quorums.pop()) {
            (Some(log), Some(quorum)) if log_count == 1 && quorum_count == 1 => Ok(Self { log, quorum }),
            (_, _) if log_count != 1 => Err(PolicyError::Logs(log_count)),
            _ => Err(PolicyError::Quorums(quorum_count)),
        }
    }
}

impl core::fmt::Display for Policy {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let quorum = match &self.quorum {
            Quorum::None => "none",
            Quorum::Of(name) => name,
        };
        write!(formatter, "log {}\nquorum {quorum}\n", self.log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::LogKey;
    use std::format;

    #[test]
    fn policy_round_trips_and_refuses_what_it_does_not_understand() {
        let vkey = LogKey::new("log.example", &[1; 32]).vkey();
        let policy = Policy::of_log(vkey.clone());
        assert_eq!(Policy::parse(&policy.to_string()), Ok(policy.clone()));
        assert_eq!(Policy::parse(&format!("# mine\n\nlog {vkey} https://log.example/\nquorum none\n")), Ok(policy));
        assert_eq!(Policy::parse("quorum none\n"), Err(PolicyError::Logs(0)));
        assert_eq!(Policy::parse(&format!("log {vkey}\n")), Err(PolicyError::Quorums(0)));
        assert_eq!(Policy::parse(&format!("log {vkey}\nlog {vkey}\nquorum none\n")), Err(PolicyError::Logs(2)));
        assert_eq!(Policy::parse(&format!("log {vkey}\nquorum\n")), Err(PolicyError::Line(2)));
        assert_eq!(Policy::parse("log x\nquorum none\n"), Err(PolicyError::Line(1)));
    }
}
