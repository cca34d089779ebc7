//! A job that can still be mined: its row of the evidence, the template behind it, and its text per level.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use audit_core::{
    anchor::Anchor,
    coinbase::{CoinbaseError, CoinbasePlan},
    hash::{BlockHash, Hash32},
    job::Job,
    share::ShareRecord,
    work::{Level, Target},
};
use share_hash::JobHasher;
use tokio::sync::mpsc;

use crate::{
    branch::coinbase_branch,
    epoch_start::EpochStart,
    job_id::JobId,
    node::BlockTemplate,
    stratum::notify::NotifyLine,
    template_file::{self, TemplateFile},
};

/// A job of an epoch. Its row never changes; texts are made when a level is first asked for.
pub(crate) struct LiveJob {
    pub(crate) start: Arc<EpochStart>,
    pub(crate) row: Job,
    pub(crate) template: Arc<BlockTemplate>,
    /// What a block must meet.
    pub(crate) network_target: Option<Target>,
    hardest_level: Option<Level>,
    hasher: JobHasher,
    levels: Mutex<BTreeMap<Level, Arc<LevelJob>>>,
    template_file: OnceLock<TemplateFile>,
}

/// What all sessions at one level share.
#[derive(Debug)]
pub(crate) struct LevelJob {
    pub(crate) id: JobId,
    pub(crate) anchor: Hash32,
    /// `mining.notify`, serialised once.
    pub(crate) notify: NotifyLine,
}

impl LiveJob {
    /// Lays out job number `number` of the epoch on `template`: everything the template pays goes to `payout_script`.
    pub(crate) fn new(
        start: Arc<EpochStart>,
        number: u16,
        template: Arc<BlockTemplate>,
        tag: &[u8],
        payout_script: &[u8],
    ) -> Result<Self, CoinbaseError> {
        let outputs = [(template.coinbase_value, payout_script.to_vec())];
        let plan = CoinbasePlan {
            height: template.height,
            tag,
            job: number,
            outputs: &outputs,
            witness_commitment: template.witness_commitment,
        };
        let row = Job {
            job: number,
            prevhash: template.prevhash,
            version: template.version,
            nbits: template.nbits,
            ntime: template.curtime.max(template.mintime),
            height: template.height,
            coinbase: plan.parts()?,
            branch: coinbase_branch(template.transactions.txids.iter().copied()),
        };
        let (network_target, hasher) = (row.nbits.target(), row.hasher());
        let hardest_level = network_target.and_then(hardest_level);
        Ok(Self {
            start,
            row,
            template,
            network_target,
            hardest_level,
            hasher,
            levels: Mutex::default(),
            template_file: OnceLock::new(),
        })
    }

    /// The hash of the header that a share stands for.
    pub(crate) fn hash(&self, anchor: &Hash32, extranonce1: [u8; 4], record: &ShareRecord) -> BlockHash {
        let mut hash = [[0; 32]];
        self.hasher.hash(&[self.row.lane(anchor, extranonce1, record)], &mut hash);
        let [hash] = hash;
        BlockHash(hash)
    }

    /// Where the job's transactions are to be on disk while a block may be found on it. Set once, before rigs see the job.
    pub(crate) fn keep_in(&self, folder: &Path, done: mpsc::UnboundedSender<PathBuf>) {
        let path = template_file::path_of(folder, self.start.epoch, self.row.job);
        let _ = self.template_file.set(TemplateFile::new(path, done));
    }

    /// Writes the job's transactions to disk unless they are there; when this returns they survive a kill. Takes
    /// milliseconds once.
    pub(crate) fn keep_transactions(&self) -> io::Result<()> {
        self.template_file().map_or(Ok(()), |file| file.write(&self.template))
    }

    /// What keeps the job's transactions on disk.
    pub(crate) fn template_file(&self) -> Option<&TemplateFile> {
        self.template_file.get()
    }

    /// The job's id at `level`.
    pub(crate) fn id_at(&self, level: Level) -> JobId {
        JobId { epoch: self.start.epoch, job: self.row.job, level }
    }

    /// The job's anchor and text at `level`.
    pub(crate) fn at(&self, level: Level) -> Arc<LevelJob> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        levels.entry(level).or_insert_with(|| Arc::new(self.make(level))).clone()
    }

    fn make(&self, level: Level) -> LevelJob {
        let id = self.id_at(level);
        let anchor = self.start.anchor(level);
        LevelJob { id, anchor, notify: NotifyLine::new(&id, &self.row, &anchor) }
    }

    /// The hardest level this job may be issued at: target(level) ≥ target(nbits). `None` when even the easiest level
    /// is harder than the network.
    pub(crate) fn hardest_level(&self) -> Option<Level> {
        self.hardest_level
    }
}

impl fmt::Debug for LiveJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("LiveJob");
        debug.field("epoch", &self.start.epoch).field("job", &self.row.job).finish_non_exhaustive()
    }
}

impl EpochStart {
    /// The anchor hash of this epoch's jobs at `level`.
    pub(crate) fn anchor(&self, level: Level) -> Hash32 {
        let anchor = Anchor {
            epoch: self.epoch,
            target: level.target(),
            origin: self.origin.clone(),
            tree_size: self.tree_size,
            root: self.root,
        };
        anchor.hash()
    }
}

fn hardest_level(network: Target) -> Option<Level> {
    let levels = (Level::MIN.get()..=Level::MAX.get()).rev().filter_map(Level::new);
    levels.into_iter().find(|level| level.target() >= network)
}

#[cfg(test)]
mod tests;
