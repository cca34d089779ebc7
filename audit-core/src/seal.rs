//! Sealing: from an epoch's material to its files, its found blocks and its `epoch_close`. Pure and deterministic.

use alloc::{string::String, vec::Vec};

use thiserror::Error;

use crate::{
    coinbase::{CoinbaseError, parse},
    entry::{BlockFound, EpochClose, FORMAT, SharesRoot},
    epoch::{Anchors, CHUNK_RECORDS, ChunkRow, EpochMaterial, JobsFile, RejectsFile, SessionsFile, epoch_path},
    hash::{BlockHash, Hash32},
    json::to_canonical,
    liabilities::{Coin, coins_of},
    merkle::{leaf_hash, tree_root},
    share::ShareRecord,
    transaction::{Transaction, TransactionError},
    work::Work,
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
    let hashed = hash_shares(material)?;
    let work = total_work(hashed.iter().map(|(_, record)| record))?;
    let records: Vec<[u8; 24]> = hashed.iter().map(|(_, record)| record.to_bytes()).collect();
    let leaves: Vec<Hash32> = records.iter().map(|record| leaf_hash(record)).collect();
    let chunks = chunk_rows(&hashed, &leaves)?;
    let chunk_roots: Vec<Hash32> = chunks.iter().map(|chunk| chunk.root).collect();
    let rejects = sorted_rejects(material);
    let jobs = to_canonical(&JobsFile { epoch: material.epoch, jobs: material.jobs.clone() });
    let sessions = to_canonical(&SessionsFile { epoch: material.epoch, sessions: material.sessions.clone() });
    let chunks = chunks.iter().map(ChunkRow::to_bytes).collect::<Vec<_>>().concat();
    let close = EpochClose {
        format: FORMAT,
        epoch: material.epoch,
        shares: SharesRoot { count: records.len() as u64, work, root: tree_root(&chunk_roots) },
        levels: material.levels.clone(),
        jobs: Hash32::of(&jobs),
        sessions: Hash32::of(&sessions),
        chunks: Hash32::of(&chunks),
        rejects: Hash32::of(&rejects),
        best_hash: hashed.first().map(|(hash, _)| *hash),
        end_ms: None,
    };
    let files = [
        ("jobs.json", jobs),
        ("sessions.json", sessions),
        ("shares", records.concat()),
        ("chunks", chunks),
        ("rejects.json", rejects),
    ];
    let files = files.map(|(name, bytes)| (epoch_path(material.epoch, name), bytes)).into();
    let (blocks, coins) = found_blocks(material, &hashed)?;
    Ok(SealedEpoch { files, blocks, coins, work, count: close.shares.count, close })
}

type Hashed = Vec<(BlockHash, ShareRecord)>;

/// The shares with their header hashes, sorted by hash as a number.
fn hash_shares(material: &EpochMaterial) -> Result<Hashed, SealError> {
    let mut anchors = Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
    let mut hashed = Vec::with_capacity(material.shares.len());
    for (index, record) in material.shares.iter().enumerate() {
        let job = material.jobs.get(usize::from(record.job)).ok_or(SealError::UnknownJob(index))?;
        let session = usize::try_from(record.session).ok().and_then(|session| material.sessions.get(session));
        let session = session.ok_or(SealError::UnknownSession(index))?;
        let hash = job.header(&anchors.hash(record.level), session.extranonce1, record).hash();
        if !record.level.target().is_met_by(&hash) {
            return Err(SealError::AboveTarget(index));
        }
        hashed.push((hash, *record));
    }
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    match hashed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(SealError::Duplicate(pair[0].0)),
        None => Ok(hashed),
    }
}

fn total_work<'a>(records: impl Iterator<Item = &'a ShareRecord>) -> Result<Work, SealError> {
    let mut records = records;
    records.try_fold(Work::ZERO, |sum, record| sum.checked_add(record.level.work())).ok_or(SealError::Overflow)
}

fn chunk_rows(hashed: &Hashed, leaves: &[Hash32]) -> Result<Vec<ChunkRow>, SealError> {
    let rows = hashed.chunks(CHUNK_RECORDS).zip(leaves.chunks(CHUNK_RECORDS)).map(|(shares, leaves)| {
        let work = total_work(shares.iter().map(|(_, record)| record))?;
        Ok(ChunkRow { root: tree_root(leaves), first: shares[0].0, work })
    });
    rows.collect()
}

fn sorted_rejects(material: &EpochMaterial) -> Vec<u8> {
    let mut rejects = material.rejects.clone();
    rejects.sort();
    to_canonical(&RejectsFile { epoch: material.epoch, rejects })
}

type Found = (Vec<BlockFound>, Vec<(BlockHash, Coin)>);

/// The shares that meet their job's network target, and what their blocks pay.
fn found_blocks(material: &EpochMaterial, hashed: &Hashed) -> Result<Found, SealError> {
    let mut anchors = Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
    let (mut blocks, mut coins) = Found::default();
    for (hash, record) in hashed {
        let job = &material.jobs[usize::from(record.job)];
        if !job.nbits.target().is_some_and(|target| target.is_met_by(hash)) {
            continue;
        }
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
