//! job.anchored and log.time: each job's coinbase is laid out as it must be and pays only the pool, its place on the
//! chain fits all others, and its time fits its epoch.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Findings, Log, LogEpoch, Place};
use crate::{
    coinbase::{ParsedCoinbase, parse},
    entry::Manifest,
    epoch::{JobsFile, epoch_path},
    hash::{BlockHash, Hash32},
    job::{BRANCH_MAX, Job},
    work::{Nbits, Sats, Target},
};

/// Clocks may differ by this many seconds (Bitcoin Core `MAX_FUTURE_BLOCK_TIME`).
const CLOCK_TOLERANCE_S: u64 = 7_200;

/// The chain as the jobs tell it: what is built on each block must agree.
#[derive(Default)]
pub(super) struct ChainView {
    /// Height and network target of the blocks built on a block.
    above: BTreeMap<BlockHash, (u32, Option<Nbits>)>,
    /// Jobs seen.
    pub(super) jobs: u64,
}

/// A job whose coinbase was checked.
pub(super) struct CheckedJob {
    pub(super) job: Job,
    pub(super) network_target: Target,
    pub(super) reward: Sats,
}

/// `None` when a job failed.
pub(super) fn check(
    log: &Log,
    epoch: &LogEpoch,
    file: &JobsFile,
    chain: &mut ChainView,
    findings: &mut Findings,
) -> Option<Vec<CheckedJob>> {
    let manifest = log.manifest_before(epoch.open_index)?;
    let path = epoch_path(epoch.open.epoch, "jobs.json");
    chain.above.insert(epoch.open.chain.hash, (epoch.open.chain.height.saturating_add(1), None));
    let mut jobs = Vec::with_capacity(file.jobs.len());
    for (index, job) in file.jobs.iter().enumerate() {
        let index = index as u64;
        chain.jobs += 1;
        time_fits(log, epoch, job, index, &path, findings);
        match checked(job, index, manifest, chain) {
            Ok(job) => jobs.push(job),
            Err((expected, found)) => {
                findings.fail(CheckId::JobAnchored, Place::new(&*path, Some(index), expected, found));
                return None;
            }
        }
    }
    Some(jobs)
}

/// What was expected, and what was found.
type Mismatch = (String, String);

fn checked(job: &Job, index: u64, manifest: &Manifest, chain: &mut ChainView) -> Result<CheckedJob, Mismatch> {
    same("job", index, job.job.into())?;
    same("branch of at most", BRANCH_MAX, job.branch.len().max(BRANCH_MAX))?;
    let bytes = job.coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]);
    let coinbase = parse(&bytes).map_err(|error| ("a coinbase of this pool".into(), error.to_string()))?;
    coinbase_fits(job, &coinbase, manifest)?;
    let network_target = job.nbits.target().ok_or_else(|| ("valid nbits".to_string(), job.nbits.to_string()))?;
    chain.place(job)?;
    let reward = coinbase.reward().ok_or_else(|| ("at most 21 million bitcoin".to_string(), "more".to_string()))?;
    Ok(CheckedJob { job: job.clone(), network_target, reward })
}

/// The coinbase names this job and height, its parts are cut where they must be, and only the pool is paid.
fn coinbase_fits(job: &Job, coinbase: &ParsedCoinbase, manifest: &Manifest) -> Result<(), Mismatch> {
    same("job in the coinbase", job.job, coinbase.job)?;
    same("height in the coinbase", job.height, coinbase.height)?;
    same("coinbase tag", hex::encode(&manifest.coinbase_tag), hex::encode(&coinbase.tag))?;
    let parts = &job.coinbase;
    let extranonce_at = parts.before_extranonce.len();
    same("extranonce1 at byte", extranonce_at, coinbase.extranonce_at)?;
    let anchor_at = extranonce_at + crate::coinbase::EXTRANONCES + parts.up_to_anchor.len();
    same("anchor hash at byte", anchor_at, coinbase.anchor_at)?;
    let known = |script: &Vec<u8>| manifest.payout_scripts.iter().any(|known| known.0 == *script);
    match coinbase.outputs.iter().find(|(_, script)| !known(script)) {
        Some((_, script)) => Err(("a payout script of the manifest".into(), hex::encode(script))),
        None => Ok(()),
    }
}

impl ChainView {
    /// All jobs on one block have one height and one network target.
    fn place(&mut self, job: &Job) -> Result<(), Mismatch> {
        let (height, nbits) = self.above.entry(job.prevhash).or_insert((job.height, None));
        same("height", *height, job.height)?;
        same("nbits", nbits.get_or_insert(job.nbits).to_string(), job.nbits.to_string())
    }
}

/// log.time: the job's ntime is within two hours of its epoch.
fn time_fits(log: &Log, epoch: &LogEpoch, job: &Job, index: u64, path: &str, findings: &mut Findings) {
    let earliest = (epoch.open.start_ms / 1_000).saturating_sub(CLOCK_TOLERANCE_S);
    let end_ms = log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
    let latest = (end_ms / 1_000).saturating_add(CLOCK_TOLERANCE_S);
    if !(earliest..=latest).contains(&u64::from(job.ntime)) {
        let expected = format!("ntime from {earliest} to {latest}");
        findings.fail(CheckId::LogTime, Place::new(path, Some(index), expected, job.ntime.to_string()));
    }
}

fn same<T: PartialEq + ToString>(what: &str, expected: T, found: T) -> Result<(), Mismatch> {
    if expected == found { Ok(()) } else { Err((format!("{what} {}", expected.to_string()), found.to_string())) }
}
