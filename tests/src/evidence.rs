//! Reading a log and its epochs without the verifier: the tests' own view of what is public.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use audit_core::bundle::Files;
use audit_core::checkpoint::Checkpoint;
use audit_core::entry::Entry;
use audit_core::epoch::{Anchors, JobsFile, SessionsFile, epoch_path};
use audit_core::hash::{BlockHash, Hash32};
use audit_core::json::from_canonical;
use audit_core::merkle::{Frontier, leaf_hash};
use audit_core::share::{RECORD_LEN, ShareRecord};
use audit_core::tile;

use crate::api::Api;

/// The log up to one checkpoint.
pub struct Log {
    pub checkpoint: Checkpoint,
    /// The logged bytes.
    pub leaves: Vec<Vec<u8>>,
    /// The same, parsed.
    pub entries: Vec<Entry>,
}

impl Log {
    /// Downloads the log; an error unless its entries have the checkpoint's root.
    pub async fn download(api: &Api) -> anyhow::Result<Log> {
        let checkpoint = checkpoint(&fetch(api, "log/checkpoint").await?)?;
        let mut leaves = Vec::new();
        for (index, width) in tile::bundles(checkpoint.size) {
            leaves.extend(split(&fetch_bundle(api, index, width).await?, width)?);
        }
        Log::new(checkpoint, leaves)
    }

    /// The log in a bundle.
    pub fn of_bundle(files: &Files) -> anyhow::Result<Log> {
        let file = |path: &str| files.get(path).with_context(|| format!("the bundle has no {path}"));
        let checkpoint = checkpoint(file("log/checkpoint")?)?;
        let mut leaves = Vec::new();
        for (index, width) in tile::bundles(checkpoint.size) {
            leaves.extend(split(file(&format!("log/{}", tile::entries_path(index, width)))?, width)?);
        }
        Log::new(checkpoint, leaves)
    }

    fn new(checkpoint: Checkpoint, leaves: Vec<Vec<u8>>) -> anyhow::Result<Log> {
        let entries = leaves.iter().map(|leaf| Ok(Entry::from_bytes(leaf)?)).collect::<anyhow::Result<_>>()?;
        let log = Log { checkpoint, leaves, entries };
        ensure!(
            log.root_at(log.checkpoint.size)? == log.checkpoint.root,
            "the entries don't have the checkpoint's root"
        );
        Ok(log)
    }

    /// The root over the first `size` entries.
    pub fn root_at(&self, size: u64) -> anyhow::Result<Hash32> {
        let leaves = self.leaves.get(..usize::try_from(size)?).context("the log is shorter")?;
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| frontier.push(leaf_hash(leaf)));
        Ok(frontier.root())
    }

    /// The numbers of the sealed epochs, in order of their entries.
    pub fn sealed(&self) -> Vec<u64> {
        let close = |entry: &Entry| if let Entry::EpochClose(close) = entry { Some(close.epoch) } else { None };
        self.entries.iter().filter_map(close).collect()
    }

    /// The leaf index of an epoch's `epoch_open`.
    pub fn opening(&self, epoch: u64) -> anyhow::Result<u64> {
        let opens = |entry: &Entry| matches!(entry, Entry::EpochOpen(open) if open.epoch == epoch);
        let index = self.entries.iter().position(opens).with_context(|| format!("epoch {epoch} was not opened"))?;
        Ok(index as u64)
    }

    /// The leaf index of an epoch's `epoch_close`.
    pub fn closing(&self, epoch: u64) -> anyhow::Result<u64> {
        let closes = |entry: &Entry| matches!(entry, Entry::EpochClose(close) if close.epoch == epoch);
        let index = self.entries.iter().position(closes).with_context(|| format!("epoch {epoch} was not closed"))?;
        Ok(index as u64)
    }

    /// The header hashes of an epoch's shares, recomputed from its files.
    pub fn header_hashes(&self, epoch: u64, files: &EpochFiles) -> anyhow::Result<Vec<BlockHash>> {
        let size = self.opening(epoch)? + 1;
        let mut anchors = Anchors::new(epoch, &self.checkpoint.origin, size, self.root_at(size)?);
        let hash = |record: &ShareRecord| {
            let job = files.jobs.jobs.get(usize::from(record.job)).context("a share of no job")?;
            let session = files.sessions.sessions.get(record.session as usize).context("a share of no session")?;
            Ok(job.header(&anchors.hash(record.level), session.extranonce1, record).hash())
        };
        files.shares.iter().map(hash).collect()
    }
}

/// What header hashes depend on.
pub struct EpochFiles {
    jobs: JobsFile,
    sessions: SessionsFile,
    pub shares: Vec<ShareRecord>,
}

impl EpochFiles {
    /// Downloads them.
    pub async fn download(api: &Api, epoch: u64) -> anyhow::Result<EpochFiles> {
        let jobs = fetch(api, &epoch_path(epoch, "jobs.json")).await?;
        let sessions = fetch(api, &epoch_path(epoch, "sessions.json")).await?;
        let shares = fetch(api, &epoch_path(epoch, "shares")).await?;
        Ok(EpochFiles { jobs: from_canonical(&jobs)?, sessions: from_canonical(&sessions)?, shares: records(&shares)? })
    }
}

/// The header hashes of every sealed share: the tests' answer to "is my share in the evidence?"
pub async fn sealed_hashes(api: &Api, log: &Log) -> anyhow::Result<BTreeSet<BlockHash>> {
    let mut hashes = BTreeSet::new();
    for epoch in log.sealed() {
        for hash in log.header_hashes(epoch, &EpochFiles::download(api, epoch).await?)? {
            ensure!(hashes.insert(hash), "the share {hash} is in the evidence twice");
        }
    }
    Ok(hashes)
}

/// The records of a `shares` file.
pub fn records(shares: &[u8]) -> anyhow::Result<Vec<ShareRecord>> {
    let (records, rest) = shares.as_chunks::<RECORD_LEN>();
    ensure!(rest.is_empty(), "the shares file ends within a record");
    records.iter().map(|record| Ok(ShareRecord::from_bytes(record)?)).collect()
}

/// The checkpoint in a note. Its signature is the auditor's business.
pub fn checkpoint(note: &[u8]) -> anyhow::Result<Checkpoint> {
    let note = std::str::from_utf8(note)?;
    let Some((text, _)) = note.split_once("\n\n") else { bail!("no signed note: {note}") };
    Ok(Checkpoint::parse(&format!("{text}\n"))?)
}

async fn fetch(api: &Api, path: &str) -> anyhow::Result<Vec<u8>> {
    api.evidence(path).await?.with_context(|| format!("there is no /{path}"))
}

/// A bundle as it was when its log had this many entries: once the full one is there, the partial one may be gone
/// (c2sp.org/tlog-tiles).
async fn fetch_bundle(api: &Api, index: u64, width: u64) -> anyhow::Result<Vec<u8>> {
    let path = format!("log/{}", tile::entries_path(index, width));
    if let Some(bundle) = api.evidence(&path).await? {
        return Ok(bundle);
    }
    let full = fetch(api, tile::full_path(&path)).await?;
    tile::narrowed(&path, &full).map(<[u8]>::to_vec).with_context(|| format!("there is no /{path}"))
}

fn split(bundle: &[u8], width: u64) -> anyhow::Result<Vec<Vec<u8>>> {
    let entries = tile::split_bundle(bundle, width);
    let entries = entries.map_err(|at| anyhow::anyhow!("entry bundle malformed at byte {at}"))?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}
