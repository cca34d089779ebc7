//! Sealing one epoch: order, trees, files, proofs, bytes.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use audit_core::coinbase::CoinbasePlan;
use audit_core::epoch::{Anchors, CHUNK_RECORDS, EpochMaterial, Session};
use audit_core::hash::{BlockHash, Hash32, sha256d};
use audit_core::job::Job;
use audit_core::merkle::{leaf_hash, prove_range, tree_root, verify_range, whole_tree};
use audit_core::seal::{SealedEpoch, sort_shares};
use audit_core::share::{RECORD_LEN, ShareRecord};
use audit_core::share_proof::ShareTree;
use audit_core::work::{Level, Nbits, Sats};
use tests::measure::{Row, memory, peak_memory, reset_peak_memory};

pub(super) const SEAL_SECONDS: &str = "sealed: sorted, trees, files on disk";
pub(super) const SEAL_MEMORY: &str = "peak of memory above the material";
pub(super) const DISK_BYTES: &str = "on disk for a share, shares.zst included";

/// A day of five-minute epochs has as many jobs of 30 s in each.
const JOBS: u16 = 10;
/// Branches of a block of about 4,000 transactions.
const BRANCHES: u8 = 12;
/// Bitcoin's target in 2024, so that no share is a block.
const NBITS: u32 = 0x1703_1abe;
const SESSIONS: u32 = 100;
const ORIGIN: &str = "bench.example/log";
/// As the server compresses.
const ZSTD_LEVEL: i32 = 3;
const PROOFS: u64 = 1_000;
const MB: f64 = 1e6;

pub(super) fn measure(shares: usize) -> anyhow::Result<Vec<Row>> {
    println!("making {shares} shares");
    let material = material(shares, false)?;
    let coinbase = material.jobs[0].coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]).len();
    let hashing = seconds(|| bare_hashing(shares, coinbase)).1;

    let held = memory()?;
    reset_peak_memory()?;
    let (sorted, sorting) = seconds(|| sort_shares(&material));
    let (sealed, sealing) = seconds(|| sorted?.seal().map_err(anyhow::Error::from));
    let sealed = sealed?;
    let peak = peak_memory()?.saturating_sub(held);
    let folder = tempfile::tempdir()?;
    let (written, writing) = seconds(|| write(folder.path(), &sealed));
    written?;

    let records = file(&sealed, "shares")?;
    let trees = seconds(|| chunk_trees(records)).1;
    let (whole, whole_seconds, whole_peak) = whole_tree_of(records)?;
    ensure!(whole == sealed.close.shares.root, "chunks fold to the root of the whole tree");
    let all: usize = sealed.files.iter().map(|(_, bytes)| bytes.len()).sum();
    let (zstd, zstd_seconds) = seconds(|| zstd::encode_all(records, ZSTD_LEVEL));
    let (zstd, gzip) = (zstd?.len(), gzip(records)?);
    let random = random_records(shares)?;
    let per_share = |bytes: usize| bytes as f64 / shares as f64;

    let mut rows = vec![
        Row::new("hash every share and sort", sorting, "s"),
        Row::new("trees and files in memory", sealing, "s"),
        Row::new("of that, the trees", trees, "s"),
        Row::new("files to disk, each synced", writing, "s"),
        Row::new(SEAL_SECONDS, sorting + sealing + writing, "s"),
        Row::new("shares.zst, level 3", zstd_seconds, "s"),
        Row::new("baseline: the hashing alone, sha2 crate", hashing, "s"),
        Row::new("sealed / baseline", (sorting + sealing + writing) / hashing, ""),
        Row::new("material (the journal's content) in memory", material_bytes(&material) / MB, "MB"),
        Row::new(SEAL_MEMORY, peak as f64 / MB, "MB"),
        Row::new("baseline: one rs_merkle tree over all, memory", whole_peak as f64 / MB, "MB"),
        Row::new("baseline: one rs_merkle tree over all, time", whole_seconds, "s"),
        Row::new("files of the epoch for a share", per_share(all), "bytes"),
        Row::new(DISK_BYTES, per_share(all + zstd), "bytes"),
        Row::new("record sent with zstd, extranonce2 counted up", per_share(zstd), "bytes"),
        Row::new("record sent with gzip, extranonce2 counted up", per_share(gzip), "bytes"),
        Row::new(
            "record sent with zstd, extranonce2 at random",
            per_share(zstd::encode_all(&random[..], ZSTD_LEVEL)?.len()),
            "bytes",
        ),
        Row::new("record sent with gzip, extranonce2 at random", per_share(self::gzip(&random)?), "bytes"),
    ];
    rows.extend(proofs(&sealed, records)?);
    Ok(rows)
}

/// Shares at the lowest level, where all but one hash in 65,536 is a share. Rigs count extranonce2 up from 0 and try
/// nonces and version bits in no order that could be guessed; `random` rigs draw extranonce2 too.
fn material(shares: usize, random: bool) -> anyhow::Result<EpochMaterial> {
    let worker = |number: u32| Session {
        extranonce1: number.to_be_bytes(),
        worker: format!("{number:016x}"),
        lot: format!("lot{}", number % 5),
    };
    let mut material = EpochMaterial {
        epoch: 1,
        start_ms: 1_800_000_000_000,
        origin: ORIGIN.into(),
        tree_size: 3,
        root: Hash32([9; 32]),
        jobs: (0..JOBS).map(job).collect::<anyhow::Result<_>>()?,
        levels: vec![Level::MIN],
        sessions: (0..SESSIONS).map(worker).collect(),
        shares: Vec::with_capacity(shares),
        rejects: Vec::new(),
    };
    let anchor = Anchors::new(1, ORIGIN, material.tree_size, material.root).hash(Level::MIN);
    let target = Level::MIN.target();
    for number in 0u64.. {
        if material.shares.len() == shares {
            break;
        }
        let luck = mix(number);
        let session = luck as u32 % SESSIONS;
        let extranonce2 = if random { mix(!number) } else { number / u64::from(SESSIONS) };
        let progress = material.shares.len() as u64;
        let record = ShareRecord {
            job: (progress * u64::from(JOBS) / shares as u64) as u16,
            level: Level::MIN,
            session,
            extranonce2: extranonce2.to_be_bytes(),
            ntime_offset: (luck >> 8) as u16 % 30,
            version_bits: (luck >> 16) as u16,
            nonce: (luck >> 32) as u32,
            seconds: (progress * 300 / shares as u64) as u16,
        };
        let job = &material.jobs[usize::from(record.job)];
        if target.is_met_by(&job.header(&anchor, session.to_be_bytes(), &record).hash()) {
            material.shares.push(record);
        }
    }
    Ok(material)
}

fn job(number: u16) -> anyhow::Result<Job> {
    let outputs = [(Sats::new(312_500_000).context("an amount")?, vec![0x51; 22])];
    let plan = CoinbasePlan {
        height: 900_000,
        tag: b"/bench/",
        job: number,
        outputs: &outputs,
        witness_commitment: Some([3; 32]),
    };
    Ok(Job {
        job: number,
        prevhash: BlockHash([1; 32]),
        version: 0x2000_0000,
        nbits: Nbits::new(NBITS),
        ntime: 1_800_000_000 + u32::from(number) * 30,
        height: 900_000,
        coinbase: plan.parts()?,
        branch: (0..BRANCHES).map(|branch| Hash32([branch; 32])).collect(),
    })
}

/// splitmix64 (Steele, Lea, Flood 2014): numbers without a pattern that a compressor could find.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The file `shares` of an epoch whose rigs draw extranonce2.
fn random_records(shares: usize) -> anyhow::Result<Vec<u8>> {
    let sealed = sort_shares(&material(shares, true)?)?.seal()?;
    Ok(file(&sealed, "shares")?.to_vec())
}

/// What no sealing can leave out: coinbase, branches and header of every share.
fn bare_hashing(shares: usize, coinbase: usize) {
    let mut bytes = vec![0u8; coinbase];
    for share in 0..shares as u64 {
        bytes[..8].copy_from_slice(&share.to_le_bytes());
        let mut pair = [0x5a; 64];
        let mut hash = sha256d(&bytes);
        for _ in 0..BRANCHES {
            pair[..32].copy_from_slice(&hash);
            hash = sha256d(&pair);
        }
        let mut header = [0x5a; 80];
        header[36..68].copy_from_slice(&hash);
        std::hint::black_box(sha256d(&header));
    }
}

fn write(folder: &Path, sealed: &SealedEpoch) -> anyhow::Result<()> {
    for (path, bytes) in &sealed.files {
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut file = File::create(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    Ok(())
}

fn chunk_trees(records: &[u8]) -> Hash32 {
    let chunk = |records: &[u8]| tree_root(&records.chunks(RECORD_LEN).map(leaf_hash).collect::<Vec<_>>());
    tree_root(&records.chunks(CHUNK_RECORDS * RECORD_LEN).map(chunk).collect::<Vec<_>>())
}

/// Root, seconds, and bytes of memory of the tree that keeps every node.
fn whole_tree_of(records: &[u8]) -> anyhow::Result<(Hash32, f64, u64)> {
    let leaves: Vec<Hash32> = records.chunks(RECORD_LEN).map(leaf_hash).collect();
    let held = memory()?;
    reset_peak_memory()?;
    let (tree, seconds) = seconds(|| whole_tree(&leaves));
    let peak = peak_memory()?.saturating_sub(held);
    Ok((tree.root().context("there are shares")?, seconds, peak))
}

fn gzip(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// Proofs of single shares and of prefixes of 4,096, made from the files as the server makes them, and verified.
fn proofs(sealed: &SealedEpoch, records: &[u8]) -> anyhow::Result<Vec<Row>> {
    let single = prove(sealed, records, 1)?;
    let prefix = prove(sealed, records, CHUNK_RECORDS as u64)?;
    Ok(vec![
        Row::new("proof of one share, made", single.made_us, "us"),
        Row::new("proof of one share, verified", single.verified_us, "us"),
        Row::new("hashes in a proof of one share", single.hashes, ""),
        Row::new("proof of 4,096 shares, made", prefix.made_us, "us"),
        Row::new("proof of 4,096 shares, verified", prefix.verified_us, "us"),
    ])
}

/// Means.
struct Proven {
    made_us: f64,
    verified_us: f64,
    hashes: f64,
}

fn prove(sealed: &SealedEpoch, records: &[u8], count: u64) -> anyhow::Result<Proven> {
    let (chunks, total) = (file(sealed, "chunks")?, sealed.count);
    let (mut made, mut verified, mut hashes) = (0.0, 0.0, 0);
    for number in 0..PROOFS {
        let first = mix(number) % (total - count.min(total) + 1);
        let end = (first + count).min(total);
        let read = |chunk: u64| {
            let rest = records.get(chunk as usize * CHUNK_RECORDS * RECORD_LEN..).context("no such chunk")?;
            anyhow::Ok(rest[..rest.len().min(CHUNK_RECORDS * RECORD_LEN)].to_vec())
        };
        let (proof, time) = seconds(|| prove_range(first, end, total, &mut ShareTree::new(chunks, read)));
        let (proof, leaves) = (proof?, &records[first as usize * RECORD_LEN..end as usize * RECORD_LEN]);
        made += time;
        let (result, time) = seconds(|| {
            let leaves: Vec<Hash32> = leaves.chunks(RECORD_LEN).map(leaf_hash).collect();
            verify_range(&leaves, first, total, &proof, &sealed.close.shares.root)
        });
        result?;
        verified += time;
        hashes += proof.len();
    }
    let mean = |sum: f64| sum / PROOFS as f64;
    Ok(Proven { made_us: mean(made) * 1e6, verified_us: mean(verified) * 1e6, hashes: mean(hashes as f64) })
}

fn file<'a>(sealed: &'a SealedEpoch, name: &str) -> anyhow::Result<&'a [u8]> {
    let file = sealed.files.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
    file.map(|(_, bytes)| bytes.as_slice()).with_context(|| format!("the epoch has no file {name}"))
}

fn material_bytes(material: &EpochMaterial) -> f64 {
    (material.shares.len() * size_of::<ShareRecord>()) as f64
}

fn seconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed().as_secs_f64())
}
