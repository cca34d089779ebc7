//! `provenhash-audit` as an outsider runs it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::programs;

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

/// The part of the JSON report that the tests look at.
#[derive(Deserialize, Debug)]
pub struct Report {
    pub held: bool,
    pub tree_size: u64,
    pub checks: Vec<Check>,
    pub totals: Totals,
    pub contract: Option<ContractTotals>,
}

/// One check.
#[derive(Deserialize, Debug)]
pub struct Check {
    pub id: String,
    pub sentence: String,
    pub outcome: String,
    pub detail: String,
    pub place: Option<Place>,
}

/// Where a check failed.
#[derive(Deserialize, Debug)]
pub struct Place {
    pub file: String,
    pub index: Option<u64>,
    pub expected: String,
    pub found: String,
}

/// Sums over the log.
#[derive(Deserialize, Debug)]
pub struct Totals {
    pub epochs: u64,
    pub shares: u64,
    pub work: String,
    pub blocks: u64,
    pub reward_sats: u64,
    pub credits_sats: u64,
}

/// Sums for one contract.
#[derive(Deserialize, Debug)]
pub struct ContractTotals {
    pub bound: bool,
    pub work: String,
    pub credited_sats: u64,
}

/// A question to the auditor.
pub struct Audit(Command);

impl Audit {
    /// About a URL, a folder or an archive.
    pub fn of(source: impl AsRef<Path>) -> anyhow::Result<Audit> {
        let mut command = Command::new(programs::provenhash_audit()?);
        command.args(["verify", "--json"]).arg(source.as_ref());
        Ok(Audit(command))
    }

    /// Trusting this policy instead of the one in the evidence.
    pub fn policy(mut self, file: &Path) -> Audit {
        self.0.arg("--policy").arg(file);
        self
    }

    /// Following the contract of a receipt.
    pub fn receipt(mut self, file: &Path) -> Audit {
        self.0.arg("--receipt").arg(file);
        self
    }

    /// Holding what the page claims about that contract against the evidence.
    pub fn claims(mut self, file: &Path) -> Audit {
        self.0.arg("--claims").arg(file);
        self
    }

    /// Having seen this checkpoint before.
    pub fn seen(mut self, file: &Path) -> Audit {
        self.0.arg("--seen").arg(file);
        self
    }

    /// Keeping the evidence.
    pub fn save(mut self, to: &Path) -> Audit {
        self.0.arg("--save").arg(to);
        self
    }

    /// With further options.
    pub fn options(mut self, options: &[&str]) -> Audit {
        self.0.args(options);
        self
    }

    /// Going on from the results in this file, and keeping new ones there.
    pub fn resume(mut self, file: &Path) -> Audit {
        self.0.arg("--resume").arg(file);
        self
    }

    /// Starts it and lets it be killed.
    pub fn start(mut self) -> anyhow::Result<Child> {
        self.0.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("can't start provenhash-audit")
    }

    /// The report exactly as it was printed.
    pub fn text(mut self) -> anyhow::Result<String> {
        let output = self.0.output().context("can't start provenhash-audit")?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it.
    pub fn run(mut self) -> anyhow::Result<Verdict> {
        let output = self.0.output().context("can't start provenhash-audit")?;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some(code) = output.status.code() else { bail!("provenhash-audit ended by a signal: {message}") };
        let report = if output.stdout.is_empty() {
            None
        } else {
            let text = String::from_utf8_lossy(&output.stdout);
            Some(serde_json::from_str(&text).with_context(|| format!("no report: {text}"))?)
        };
        Ok(Verdict { code, report, message })
    }
}

impl Verdict {
    /// The report; an error that shows every failed check unless all held.
    pub fn held(self) -> anyhow::Result<Report> {
        let failed: Vec<String> = self.failures().iter().map(|check| format!("{check:?}")).collect();
        match self.report {
            Some(report) if self.code == 0 && report.held && failed.is_empty() => Ok(report),
            _ => bail!("exit code {}: {}\n{}", self.code, failed.join("\n"), self.message),
        }
    }

    /// The checks that failed.
    pub fn failures(&self) -> Vec<&Check> {
        let checks = self.report.iter().flat_map(|report| &report.checks);
        checks.filter(|check| check.outcome == "failed").collect()
    }

    /// Whether this run refused the evidence and said which check failed where, or, without a report, which file it
    /// could not use.
    pub fn refuses_with_place(&self) -> bool {
        let named = |check: &&Check| check.place.as_ref().is_some_and(|place| !place.file.is_empty());
        self.code == 1 && !self.failures().is_empty() && self.failures().iter().all(named)
    }
}

impl Report {
    /// How a check ended.
    pub fn outcome(&self, id: &str) -> &str {
        self.checks.iter().find(|check| check.id == id).map_or("absent", |check| &check.outcome)
    }
}

/// A policy file that trusts one log without witnesses.
pub fn write_policy(folder: &Path, vkey: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join("trusted.policy");
    std::fs::write(&file, format!("log {vkey}\nquorum none\n"))?;
    Ok(file)
}
