//! Sealing: from an epoch's material to its files, its found blocks and its `epoch_close`. Pure and deterministic.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use thiserror::Error;

use crate::{
    coinbase::{CoinbaseError, parse},
    entry::{BlockFound, EpochClose, FORMAT, SharesRoot},
    epoch::{Anchors, CHUNK_RECORDS, ChunkRow, EpochMaterial, JobsFile, RejectsFile, SessionsFile, epoch_path},
    hash::{BlockHash, Hash32},
    json::to_canonical,
    liabilities::{Coin, coins_of},
    merkle::{leaf_hash, tree_root},
    share::RECORD_LEN,
    transaction::{Transaction, TransactionError},
    work::{Level, Target, Work},
};

/// A sealed epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedEpoch {
    /// Path and content of every file under `/epoch/<e>/`.
    pub files: Vec<(String, Vec<u8>)>,
    /// Found blocks in order of hash.
    pub blocks: Vec<BlockFound>,
    /// What each of them pays.
    pub coins: Vec<(BlockHash, Coin)>,
    /// The entry that commits to the files.
    pub close: EpochClose,
    /// Sum of the shares' work.
    pub work: Work,
    /// Number of shares.
    pub count: u64,
}

/// Why material can't be sealed: the pool accepted what it must not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// The share's job is not in the material.
    #[error("share {0}: unknown job")]
    UnknownJob(usize),
    /// The share's session is not in the material.
    #[error("share {0}: unknown session")]
    UnknownSession(usize),
    /// The share's hash is above its target.
    #[error("share {0}: hash above its target")]
    AboveTarget(usize),
    /// Two shares have the same header hash.
    #[error("two shares have the header hash {0}")]
    Duplicate(BlockHash),
    /// The sum of work exceeds 128 bits.
    #[error("the sum of work exceeds 128 bits")]
    Overflow,
    /// A job's coinbase is not laid out as it must be.
    #[error("job {0}: {1}")]
    Coinbase(u16, CoinbaseError),
    /// A job's coinbase is no transaction.
    #[error("job {0}: {1}")]
    Transaction(u16, TransactionError),
}

/// Seals an epoch.
///
/// # Errors
/// See [`SealError`].
pub fn seal(material: &EpochMaterial) -> Result<SealedEpoch, SealError> {
    sort_shares(material)?.seal()
}

/// An epoch's material and the order of its shares: header hashes, ascending as numbers, with the position of their share
/// in the material. 40 bytes a share; what else is large (material and file) stands in its final place.
pub struct SortedShares<'a> {
    material: &'a EpochMaterial,
    order: Vec<(BlockHash, usize)>,
}

/// The first half of [`seal`]: hashes every share and puts them in order.
///
/// # Errors
/// See [`SealError`].
pub fn sort_shares(material: &EpochMaterial) -> Result<SortedShares<'_>, SealError> {
    let mut levels = Levels::default();
    let mut anchors = Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
    let mut hashed = Vec::with_capacity(material.shares.len());
    for (index, record) in material.shares.iter().enumerate() {
        let job = material.jobs.get(usize::from(record.job)).ok_or(SealError::UnknownJob(index))?;
        let session = usize::try_from(record.session).ok().and_then(|session| material.sessions.get(session));
        let session = session.ok_or(SealError::UnknownSession(index))?;
        let hash = job.header(&anchors.hash(record.level), session.extranonce1, record).hash();
        if !levels.get(record.level).target.is_met_by(&hash) {
            return Err(SealError::AboveTarget(index));
        }
        hashed.push((hash, index));
    }
    hashed.sort_unstable();
    match hashed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(SealError::Duplicate(pair[0].0)),
        None => Ok(SortedShares { material, order: hashed }),
    }
}

impl SortedShares<'_> {
    /// The second half of [`seal`]: trees and files.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn seal(&self) -> Result<SealedEpoch, SealError> {
        let material = self.material;
        let shares = self.write_shares()?;
        let chunk_roots: Vec<Hash32> = shares.chunks.iter().map(|chunk| chunk.root).collect();
        let rejects = sorted_rejects(material);
        let jobs = to_canonical(&JobsFile { epoch: material.epoch, jobs: material.jobs.clone() });
        let sessions = to_canonical(&SessionsFile { epoch: material.epoch, sessions: material.sessions.clone() });
        let chunks = shares.chunks.iter().flat_map(ChunkRow::to_bytes).collect::<Vec<_>>();
        let (count, work) = (self.order.len() as u64, shares.work);
        let close = EpochClose {
            format: FORMAT,
            epoch: material.epoch,
            shares: SharesRoot { count, work, root: tree_root(&chunk_roots) },
            levels: material.levels.clone(),
            jobs: Hash32::of(&jobs),
            sessions: Hash32::of(&sessions),
            chunks: Hash32::of(&chunks),
            rejects: Hash32::of(&rejects),
            best_hash: self.order.first().map(|(hash, _)| *hash),
            end_ms: None,
        };
        let files = [
            ("jobs.json", jobs),
            ("sessions.json", sessions),
            ("shares", shares.records),
            ("chunks", chunks),
            ("rejects.json", rejects),
        ];
        let files = files.map(|(name, bytes)| (epoch_path(material.epoch, name), bytes)).into();
        let (blocks, coins) = self.found_blocks()?;
        Ok(SealedEpoch { files, blocks, coins, work, count, close })
    }

    /// The records in order of their hashes, with a tree for each chunk: no tree over all of them is ever in memory.
    fn write_shares(&self) -> Result<Shares, SealError> {
        let mut levels = Levels::default();
        let mut shares =
            Shares { records: Vec::with_capacity(self.order.len() * RECORD_LEN), chunks: Vec::new(), work: Work::ZERO };
        let mut leaves = Vec::with_capacity(CHUNK_RECORDS);
        for chunk in self.order.chunks(CHUNK_RECORDS) {
            let mut work = Work::ZERO;
            leaves.clear();
            for (_, index) in chunk {
                let share = &self.material.shares[*index];
                let record = share.to_bytes();
                work = work.checked_add(levels.get(share.level).work).ok_or(SealError::Overflow)?;
                leaves.push(leaf_hash(&record));
                shares.records.extend(record);
            }
            shares.work = shares.work.checked_add(work).ok_or(SealError::Overflow)?;
            shares.chunks.push(ChunkRow { root: tree_root(&leaves), first: chunk[0].0, work });
        }
        Ok(shares)
    }

    /// The shares that meet their job's network target, and what their blocks pay.
    fn found_blocks(&self) -> Result<Found, SealError> {
        let material = self.material;
        let targets: Vec<Option<Target>> = material.jobs.iter().map(|job| job.nbits.target()).collect();
        let mut anchors = Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
        let (mut blocks, mut coins) = Found::default();
        for (hash, index) in &self.order {
            let record = &material.shares[*index];
            if !targets[usize::from(record.job)].is_some_and(|target| target.is_met_by(hash)) {
                continue;
            }
            let job = &material.jobs[usize::from(record.job)];
            let extranonce1 = material.sessions[record.session as usize].extranonce1;
            let bytes = job.coinbase_bytes(&anchors.hash(record.level), extranonce1, record.extranonce2);
            let coinbase = parse(&bytes).map_err(|error| SealError::Coinbase(job.job, error))?;
            let reward_sats = coinbase.reward().ok_or(SealError::Overflow)?;
            blocks.push(BlockFound { epoch: material.epoch, height: job.height, hash: *hash, reward_sats });
            let coinbase = Transaction::parse(&bytes).map_err(|error| SealError::Transaction(job.job, error))?;
            coins.extend(coins_of(&coinbase, job.height).into_iter().map(|coin| (*hash, coin)));
        }
        Ok((blocks, coins))
    }
}

type Found = (Vec<BlockFound>, Vec<(BlockHash, Coin)>);

/// Target and work of the levels met so far: their divisions are done once, not once a share.
#[derive(Default)]
struct Levels(BTreeMap<Level, LevelNumbers>);

#[derive(Clone, Copy)]
struct LevelNumbers {
    target: Target,
    work: Work,
}

impl Levels {
    fn get(&mut self, level: Level) -> LevelNumbers {
        *self.0.entry(level).or_insert_with(|| LevelNumbers { target: level.target(), work: level.work() })
    }
}

/// The file `shares`, the rows of `chunks`, and the whole work.
struct Shares {
    records: Vec<u8>,
    chunks: Vec<ChunkRow>,
    work: Work,
}

fn sorted_rejects(material: &EpochMaterial) -> Vec<u8> {
    let mut rejects = material.rejects.clone();
    rejects.sort();
    to_canonical(&RejectsFile { epoch: material.epoch, rejects })
}
