//! job.anchored and log.time, as far as one epoch's jobs tell: each coinbase is laid out as it must be and pays only the
//! pool, and each time fits the epoch.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, CountTask, Counted, Failure, JobsOnBlock, Place};
use crate::{
    coinbase::{ParsedCoinbase, parse},
    epoch::{JobsFile, epoch_path},
    hash::{BlockHash, Hash32},
    job::{BRANCH_MAX, Job},
    work::{Sats, Target},
};

/// Clocks may differ by this many seconds (Bitcoin Core `MAX_FUTURE_BLOCK_TIME`).
const CLOCK_TOLERANCE_S: u64 = 7_200;

/// A job whose coinbase was checked.
pub(super) struct CheckedJob {
    pub(super) job: Job,
    pub(super) network_target: Target,
    pub(super) reward: Sats,
}

/// All jobs, or the first that is none of this pool's. Times that do not fit are told in `counted`.
pub(super) fn check(task: &CountTask, file: &JobsFile, counted: &mut Counted) -> Result<Vec<CheckedJob>, Failure> {
    let path = epoch_path(task.close.epoch, "jobs.json");
    let mut jobs = Vec::with_capacity(file.jobs.len());
    let mut places = Places::new();
    for (index, job) in (0..).zip(&file.jobs) {
        counted.jobs += 1;
        time_fits(task, job, index, &path, counted);
        let checked = checked(task, job, index);
        let failed = |(expected, found)| Failure::new(CheckId::JobAnchored, &*path, Some(index), expected, found);
        jobs.push(checked.map_err(failed)?);
        place(job, &mut places, &mut counted.on_chain);
    }
    Ok(jobs)
}

/// What was expected, and what was found.
type Mismatch = (String, String);

fn checked(task: &CountTask, job: &Job, index: u64) -> Result<CheckedJob, Mismatch> {
    same("job", index, job.job.into())?;
    same("branch of at most", BRANCH_MAX, job.branch.len().max(BRANCH_MAX))?;
    let bytes = job.coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]);
    let coinbase = parse(&bytes).map_err(|error| ("a coinbase of this pool".into(), error.to_string()))?;
    coinbase_fits(task, job, &coinbase)?;
    let network_target = job.nbits.target().ok_or_else(|| ("valid nbits".to_string(), job.nbits.to_string()))?;
    let reward = coinbase.reward().ok_or_else(|| ("at most 21 million bitcoin".to_string(), "more".to_string()))?;
    Ok(CheckedJob { job: job.clone(), network_target, reward })
}

/// The coinbase names this job and height, its parts are cut where they must be, and only the pool is paid.
fn coinbase_fits(task: &CountTask, job: &Job, coinbase: &ParsedCoinbase) -> Result<(), Mismatch> {
    same("job in the coinbase", job.job, coinbase.job)?;
    same("height in the coinbase", job.height, coinbase.height)?;
    same("coinbase tag", hex::encode(&task.coinbase_tag.0), hex::encode(&coinbase.tag))?;
    let parts = &job.coinbase;
    let extranonce_at = parts.before_extranonce.len();
    same("extranonce1 at byte", extranonce_at, coinbase.extranonce_at)?;
    let anchor_at = extranonce_at + crate::coinbase::EXTRANONCES + parts.up_to_anchor.len();
    same("anchor hash at byte", anchor_at, coinbase.anchor_at)?;
    let known = |script: &Vec<u8>| task.payout_scripts.iter().any(|known| known.0 == *script);
    match coinbase.outputs.iter().find(|(_, script)| !known(script)) {
        Some((_, script)) => Err(("a payout script of the manifest".into(), hex::encode(script))),
        None => Ok(()),
    }
}

/// Position in `on_chain` of the jobs on a block that agree in height and nbits.
type Places = BTreeMap<(BlockHash, u32, u32), usize>;

/// Adds a job to those on the same block that agree with it.
fn place(job: &Job, places: &mut Places, on_chain: &mut Vec<JobsOnBlock>) {
    let Job { prevhash, height, nbits, ntime, job: number, .. } = *job;
    let position = *places.entry((prevhash, height, nbits.get())).or_insert(on_chain.len());
    match on_chain.get_mut(position) {
        Some(on) => {
            on.ntime_min = on.ntime_min.min(ntime);
            on.ntime_max = on.ntime_max.max(ntime);
        }
        None => {
            on_chain.push(JobsOnBlock { prevhash, height, nbits, job: number, ntime_min: ntime, ntime_max: ntime });
        }
    }
}

/// log.time: the job's ntime is within two hours of its epoch.
fn time_fits(task: &CountTask, job: &Job, index: u64, path: &str, counted: &mut Counted) {
    let earliest = (task.open.start_ms / 1_000).saturating_sub(CLOCK_TOLERANCE_S);
    let latest = (task.end_ms / 1_000).saturating_add(CLOCK_TOLERANCE_S);
    if !(earliest..=latest).contains(&u64::from(job.ntime)) {
        let expected = format!("ntime from {earliest} to {latest}");
        counted.fail(CheckId::LogTime, Place::new(path, Some(index), expected, job.ntime.to_string()));
    }
}

fn same<T: PartialEq + ToString>(what: &str, expected: T, found: T) -> Result<(), Mismatch> {
    if expected == found { Ok(()) } else { Err((format!("{what} {}", expected.to_string()), found.to_string())) }
}
