//! The verifier that was written in Python from `docs/LOG.md` alone, in `tests/independent`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// What one run said.
#[derive(Debug)]
pub struct Verdict {
    /// The exit code: 0 all held, 1 a check failed, 2 nothing could be verified.
    pub code: i32,
    /// The report, if the run got as far as one.
    pub report: Option<Report>,
    /// What it printed on standard error.
    pub message: String,
}

/// Its report.
#[derive(Deserialize, Debug)]
pub struct Report {
    pub held: bool,
    /// By id.
    pub checks: BTreeMap<String, Check>,
    pub totals: Totals,
    pub contract: Option<Contract>,
}

/// One check.
#[derive(Deserialize, Debug)]
pub struct Check {
    pub outcome: String,
}

/// Sums over the log.
#[derive(Deserialize, Debug)]
pub struct Totals {
    pub tree_size: u64,
    pub epochs: u64,
    pub shares: u64,
    pub work: String,
    pub blocks: u64,
    pub reward_sats: u64,
    pub credits_sats: u64,
}

/// Sums for one contract.
#[derive(Deserialize, Debug)]
pub struct Contract {
    pub work: String,
    pub credited_sats: u64,
}

/// Runs it on a folder, an archive or a vector, with further arguments.
pub fn verify(source: &Path, arguments: &[(&str, PathBuf)]) -> anyhow::Result<Verdict> {
    let mut python = Command::new("python3");
    // Without -B it would leave compiled modules in the checkout.
    python.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("independent/verify.py")).arg(source);
    for (option, file) in arguments {
        python.arg(option).arg(file);
    }
    let output = python.output().context(
        "can't start python3, in which the independent verifier is written: `cargo xtask setup` installs it, or install \
         the Debian package python3 (3.11 or newer)",
    )?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some(code) = output.status.code() else { bail!("the independent verifier ended by a signal: {message}") };
    if message.contains("Traceback") {
        bail!("the independent verifier broke: {message}");
    }
    let report = match code {
        0 | 1 => Some(serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {message}"))?),
        _ => None,
    };
    Ok(Verdict { code, report, message })
}

impl Report {
    /// The checks that failed.
    pub fn failed(&self) -> Vec<&str> {
        self.checks.iter().filter(|(_, check)| check.outcome == "failed").map(|(id, _)| id.as_str()).collect()
    }
}
