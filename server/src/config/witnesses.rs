//! The flags that name the log's witnesses.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use audit_core::policy::{Policy, PolicyWitness};
use clap::Args;

use crate::tlog::WitnessSettings;

/// Who must have seen the log before readers do.
#[derive(Args, Clone, Debug)]
pub struct WitnessConfig {
    /// A witness that cosigns the log (c2sp.org/tlog-witness), several times for several; more than half of them must
    /// have cosigned before a checkpoint is public
    #[arg(long, value_name = "NAME=VKEY@URL", value_parser = witness, conflicts_with = "policy")]
    pub witness: Vec<PolicyWitness>,
    /// The log's policy (c2sp.org/tlog-policy) with the witnesses' URLs and their quorum, instead of --witness
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// How long a checkpoint waits for its quorum; without it, the next one covers it
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub witness_timeout_ms: u64,
}

impl WitnessConfig {
    /// What the log needs to know of its witnesses.
    ///
    /// # Errors
    /// A policy that can't be read or is none.
    pub fn settings(&self) -> Result<WitnessSettings> {
        let read = |path: &PathBuf| {
            let text = std::fs::read(path).with_context(|| format!("--policy {}", path.display()))?;
            Policy::parse(text).with_context(|| format!("--policy {}", path.display()))
        };
        Ok(WitnessSettings {
            policy: self.policy.as_ref().map(read).transpose()?,
            witnesses: self.witness.clone(),
            timeout: Duration::from_millis(self.witness_timeout_ms),
        })
    }
}

/// `NAME=VKEY@URL`; a key has no `@` but perhaps in its name, so the URL begins at the last `@http`.
fn witness(text: &str) -> Result<PolicyWitness, String> {
    let form = || "expected NAME=VKEY@URL with an http or https URL".to_owned();
    let (name, rest) = text.split_once('=').ok_or_else(form)?;
    let (vkey, url) =
        rest.rfind("@http://").or_else(|| rest.rfind("@https://")).map(|at| rest.split_at(at)).ok_or_else(form)?;
    let url = url.trim_start_matches('@');
    if url.contains('@') {
        return Err("the URL is published in /log/policy: no user and password in it".into());
    }
    if name.is_empty() || url.contains(char::is_whitespace) || name.contains(char::is_whitespace) {
        return Err(form());
    }
    let vkey = vkey.parse().map_err(|error| format!("{error}"))?;
    Ok(PolicyWitness { name: name.into(), vkey, url: Some(url.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::cosignature::WitnessKey;

    #[test]
    fn a_witness_is_a_name_a_key_and_a_url() {
        let vkey = WitnessKey::new("w@x.example/1", &[3; 32]).vkey();
        let parsed = witness(&format!("w1={vkey}@https://w.example/prefix/")).unwrap();
        assert_eq!((parsed.name.as_str(), &parsed.vkey), ("w1", &vkey));
        assert_eq!(parsed.url.as_deref(), Some("https://w.example/prefix/"));
        for wrong in [
            format!("{vkey}@https://w.example/"),
            format!("w1={vkey}"),
            format!("w1={vkey}@ftp://w.example/"),
            format!("={vkey}@https://w.example/"),
            format!("w1={vkey}@https://user:password@w.example/"),
            "w1=x@https://w.example/".into(),
        ] {
            assert!(witness(&wrong).is_err(), "{wrong}");
        }
    }
}
