//! How fast an auditor verifies an epoch natively, beside the bare hashing that it can't do without.
//!
//! The epoch has 86,400 shares: a day of one a second. Both rows run in turn in one process, on one thread.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use audit_core::audit::AuditRequest;
use audit_core::bundle::Files;
use audit_core::epoch::{JobsFile, epoch_path};
use audit_core::hash::Hash32;
use audit_core::job::Job;
use audit_core::json::from_canonical;
use audit_core::policy::Policy;
use clap::Parser;
use serde_json::json;
use tests::measure::{Row, hash_share, median, report};
use tests::operator::long::like_bitcoin;
use tests::verify;

/// Native verification of one epoch.
#[derive(Parser)]
struct Args {
    /// Shares in the epoch
    #[arg(long, default_value_t = 86_400)]
    shares: usize,
    /// Runs of each row; the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    println!("mining {} shares", args.shares);
    let (files, policy) = like_bitcoin(&[args.shares, 0]);
    let job = first_job(&files)?;
    let branches = job.branch.len();
    let coinbase = job.coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]).len();
    let (mut verified, mut hashed) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        verified.push(rate(args.shares, || verify(&files, &policy, args.shares))?);
        hashed.push(rate(args.shares, || bare_hashing(args.shares, coinbase, branches))?);
    }
    let (verified, hashed) = (median(&mut verified), median(&mut hashed));
    let ratio = verified / hashed;
    let rows = [
        Row::new("audit of the epoch, every check", verified, "shares/s"),
        Row::new("baseline: sha2 sequential hashing floor", hashed, "shares/s"),
        Row::new("audit / baseline", ratio, ""),
        Row::new("bytes of a coinbase", coinbase as f64, "bytes"),
        Row::new("merkle branches", branches as f64, ""),
    ];
    let summary = json!({ "shares_per_second": verified.round(), "of_hashing_floor": format!("{ratio:.2}") });
    report("verify", &rows, &summary, args.json.as_deref())
}

fn first_job(files: &Files) -> anyhow::Result<Job> {
    let jobs: JobsFile = from_canonical(&files[&epoch_path(1, "jobs.json")])?;
    jobs.jobs.into_iter().next().context("the epoch has no job")
}

/// The whole audit, with evidence from memory.
fn verify(files: &Files, policy: &Policy, shares: usize) -> anyhow::Result<()> {
    let report = verify::verify(files, &AuditRequest::new(policy.clone()));
    ensure!(report.held, "the generated epoch does not hold: {:?}", report.checks);
    ensure!(report.totals.shares == shares as u64, "{} shares were verified", report.totals.shares);
    Ok(())
}

/// What no verifier can leave out.
fn bare_hashing(shares: usize, coinbase: usize, branches: usize) -> anyhow::Result<()> {
    let mut coinbase = vec![0u8; coinbase];
    for share in 0..shares as u64 {
        std::hint::black_box(hash_share(share, &mut coinbase, branches));
    }
    Ok(())
}

fn rate(shares: usize, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(shares as f64 / started.elapsed().as_secs_f64())
}
