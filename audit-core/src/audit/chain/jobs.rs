//! job.anchored and log.time by the chain: jobs are built on blocks of it, with its network target, at its times.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{Archive, ChainSide, CheckId, Evidence, Findings, JobsOnBlock, Place, Source, side::Reached};
use crate::{
    audit::log::LogEpoch,
    epoch::{Anchors, epoch_path},
};

/// Clocks may differ by this many seconds (Bitcoin Core `MAX_FUTURE_BLOCK_TIME`).
const CLOCK_TOLERANCE_S: u64 = 7_200;

impl ChainSide<'_> {
    /// The tip with which an epoch opened is where its `epoch_open` says, and no hidden block carries its anchor.
    pub(in crate::audit) async fn epoch<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        findings: &mut Findings,
    ) {
        let log = self.log;
        let Some(archive) = &mut self.archive else { return };
        let tip = epoch.open.chain;
        if let Reached::Nowhere(why) = archive.reach(source, tip.height, tip.hash, findings).await {
            let file = log.file_of(epoch.open_index);
            let expected = format!("a tip that is a block of the chain at height {}", tip.height);
            let found = format!("{}: {why}", tip.hash);
            findings.fail(CheckId::JobAnchored, Place::new(file, Some(epoch.open_index), expected, found));
        }
        if epoch.close.is_some() {
            let (number, origin) = (epoch.open.epoch, &log.checkpoint.origin);
            let anchors = Anchors::new(number, origin, epoch.open_index + 1, epoch.root);
            archive.unreported.check(number, anchors, findings);
        }
    }

    /// What an epoch's jobs say of the chain is so; else the first that is not, for job.anchored. Times that do not fit are
    /// told as log.time.
    pub(in crate::audit) async fn jobs<'j, E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        jobs: impl Iterator<Item = &'j JobsOnBlock>,
        findings: &mut Findings,
    ) -> Result<(), Place> {
        let end_ms = self.log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
        let Some(archive) = &mut self.archive else { return Ok(()) };
        let path = epoch_path(epoch.open.epoch, "jobs.json");
        for on in jobs {
            let place = |(expected, found): (String, String)| Place::new(&*path, Some(on.job.into()), expected, found);
            let below = on.height.checked_sub(1).ok_or_else(|| place(("a height above 0".into(), "0".into())))?;
            match archive.reach(source, below, on.prevhash, findings).await {
                Reached::Known => {}
                Reached::Broken => continue,
                Reached::Nowhere(why) => {
                    let expected = format!("a job on a block of the chain at height {below}");
                    return Err(place((expected, format!("{}: {why}", on.prevhash))));
                }
            }
            archive.target(on).map_err(place)?;
            if let Err(mismatch) = archive.times(on, end_ms / 1_000) {
                findings.fail(CheckId::LogTime, place(mismatch));
            }
        }
        Ok(())
    }
}

/// What was expected, and what was found.
type Mismatch = (String, String);

impl Archive {
    /// The network target is the one that the rules demand on top of the previous block. Of jobs that agree in it, the
    /// earliest and the latest tell for all: at most once does the demand change with time.
    fn target(&self, on: &JobsOnBlock) -> Result<(), Mismatch> {
        let branch = self.side.branch(&self.headers, on.height.saturating_sub(1), &on.prevhash);
        for ntime in [on.ntime_min, on.ntime_max] {
            let required = branch.as_ref().and_then(|branch| branch.required_nbits(ntime));
            if let Some(required) = required.filter(|required| *required != on.nbits) {
                return Err((format!("nbits {required} by the network's rules"), on.nbits.to_string()));
            }
        }
        Ok(())
    }

    /// The epoch was not over long before the block it is built on was found, and its work not done long after the next.
    fn times(&self, on: &JobsOnBlock, end_s: u64) -> Result<(), Mismatch> {
        let Some(below) = on.height.checked_sub(1) else { return Ok(()) };
        let Some(branch) = self.side.branch(&self.headers, below, &on.prevhash) else { return Ok(()) };
        let latest = end_s.saturating_add(CLOCK_TOLERANCE_S);
        if let Some(previous) = branch.header(below).filter(|previous| u64::from(previous.ntime) > latest) {
            let expected = format!("a job on a block of time {latest} at the latest, by the epoch's end");
            return Err((expected, previous.ntime.to_string()));
        }
        let next = if branch.is_best() { self.headers.header(on.height) } else { None };
        let latest = next.map(|next| u64::from(next.ntime) + CLOCK_TOLERANCE_S);
        match latest.filter(|latest| u64::from(on.ntime_max) > *latest) {
            Some(latest) => {
                Err((format!("ntime {latest} at the latest, by the chain's next block"), on.ntime_max.to_string()))
            }
            None => Ok(()),
        }
    }
}
