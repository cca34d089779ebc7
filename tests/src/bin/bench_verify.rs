//! How fast an auditor verifies an epoch natively, beside the bare hashing that it can't do without.
//!
//! The epoch has 86,400 shares: a day of one a second. Both rows run in turn in one process, on one thread.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use audit_core::allocation::{AllocationEntry, operator_id};
use audit_core::audit::AuditRequest;
use audit_core::bundle::Files;
use audit_core::epoch::{JobsFile, epoch_path};
use audit_core::hash::{Hash32, sha256d};
use audit_core::job::Job;
use audit_core::json::from_canonical;
use audit_core::policy::Policy;
use audit_core::work::{Nbits, Units};
use clap::Parser;
use serde_json::json;
use tests::evidence::Log;
use tests::measure::{Row, median, report};
use tests::operator::{Cheats, ORIGIN, Operator, Script};
use tests::verify;

/// Branches of a block of about 4,000 transactions.
const BRANCHES: usize = 12;
/// Bitcoin's target in 2024, so that no share is a block.
const NBITS: u32 = 0x1703_1abe;
const JOBS: usize = 10;

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
    let (files, policy) = epoch(args.shares)?;
    let job = first_job(&files)?;
    let coinbase = job.coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]).len();
    let (mut verified, mut hashed) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        verified.push(rate(args.shares, || verify(&files, &policy, args.shares))?);
        hashed.push(rate(args.shares, || bare_hashing(args.shares, coinbase))?);
    }
    let (verified, hashed) = (median(&mut verified), median(&mut hashed));
    let ratio = verified / hashed;
    let rows = [
        Row { name: "audit of the epoch, every check", value: verified, unit: "shares/s" },
        Row { name: "baseline: sha2 sequential hashing floor", value: hashed, unit: "shares/s" },
        Row { name: "audit / baseline", value: ratio, unit: "" },
        Row { name: "bytes of a coinbase", value: coinbase as f64, unit: "bytes" },
        Row { name: "merkle branches", value: BRANCHES as f64, unit: "" },
    ];
    let summary = json!({ "shares_per_second": verified.round(), "of_hashing_floor": format!("{ratio:.2}") });
    report("verify", &rows, &summary, args.json.as_deref())
}

/// A log with one sealed epoch of `shares` shares.
fn epoch(shares: usize) -> anyhow::Result<(Files, Policy)> {
    let mut operator = Operator::new([7; 32]);
    // The rules are those of the test story; only its work is another.
    let story = Script::tell(&Cheats::default());
    for entry in Log::of_bundle(&story.files)?.entries.into_iter().take(2) {
        operator.append(entry);
    }
    let own = AllocationEntry { units: Units::new(1).context("1 is positive")?, id: operator_id(ORIGIN) };
    operator.open_epoch(1, vec![own], &|_| {});
    for _ in 0..JOBS {
        operator.add_job(1, &|_| {}, &|job| {
            job.branch = (0..BRANCHES).map(|branch| Hash32([branch as u8; 32])).collect();
            job.nbits = Nbits::new(NBITS);
        });
        operator.mine(1, shares / JOBS);
    }
    operator.open_epoch(2, vec![own], &|_| {});
    operator.close_epoch(1, &|_| {});
    Ok((operator.publish(), operator.policy()))
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

/// What no verifier can leave out, with the sha2 crate one hash after the other: coinbase, branches, header.
fn bare_hashing(shares: usize, coinbase: usize) -> anyhow::Result<()> {
    let mut bytes = vec![0u8; coinbase];
    for share in 0..shares as u64 {
        bytes[..8].copy_from_slice(&share.to_le_bytes());
        let mut hash = sha256d(&bytes);
        let mut pair = [0x5a; 64];
        for _ in 0..BRANCHES {
            pair[..32].copy_from_slice(&hash);
            hash = sha256d(&pair);
        }
        let mut header = [0x5a; 80];
        header[36..68].copy_from_slice(&hash);
        std::hint::black_box(sha256d(&header));
    }
    Ok(())
}

fn rate(shares: usize, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(shares as f64 / started.elapsed().as_secs_f64())
}
