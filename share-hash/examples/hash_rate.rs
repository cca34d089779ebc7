//! Hashes the shares of a file again and again, for `cargo xtask bench verify`: each line on standard input is a request for
//! one pass, answered with a line of JSON.
//!
//! Usage: `hash_rate sha2|own JOB SHARES`. JOB has seven lines of hex: the coinbase's three parts, the branch, the previous
//! hash (raw bytes), nbits, and the number of passes in decimal; SHARES has 56 bytes a share: extranonces 12 ‖ anchor 32 ‖
//! version, ntime, nonce u32 big-endian. CPU time is this thread's, from the kernel's scheduler.

use std::error::Error;
use std::io::{BufRead, stdin};
use std::{env, fs};

use sha2::{Digest, Sha256};
use share_hash::{JobHasher, Lane};

struct Job {
    coinbase: [Vec<u8>; 3],
    branch: Vec<[u8; 32]>,
    prevhash: [u8; 32],
    nbits: u32,
    passes: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, job, shares] = &arguments[..] else { return Err("usage: hash_rate sha2|own JOB SHARES".into()) };
    let job = read_job(&fs::read_to_string(job)?)?;
    let shares = fs::read(shares)?;
    let (shares, _) = shares.as_chunks::<56>();
    let lanes: Vec<Lane> = shares.iter().map(lane).collect();
    let mut hashes = vec![[0; 32]; lanes.len()];
    for line in stdin().lock().lines() {
        line?;
        let before = cpu_ns()?;
        for _ in 0..job.passes {
            if way == "own" { own(&job, &lanes, &mut hashes) } else { plain(&job, &lanes, &mut hashes) }
        }
        let cpu_ms = (cpu_ns()? - before) as f64 / 1e6 / f64::from(job.passes);
        println!("{{\"cpu_ms\":{cpu_ms},\"digest\":\"{}\"}}", hex(&Sha256::digest(hashes.as_flattened())));
    }
    Ok(())
}

/// The way of this crate.
fn own(job: &Job, lanes: &[Lane], hashes: &mut [[u8; 32]]) {
    let [before, middle, after] = &job.coinbase;
    JobHasher::new(before, middle, after, &job.branch, job.prevhash, job.nbits).hash(lanes, hashes);
}

/// The plain way: every message put together, every hash with the `sha2` crate.
fn plain(job: &Job, lanes: &[Lane], hashes: &mut [[u8; 32]]) {
    let [before, middle, after] = &job.coinbase;
    let mut coinbase = [&before[..], &[0; 12], middle, &[0; 32], after].concat();
    let anchor_at = before.len() + 12 + middle.len();
    for (lane, hash) in lanes.iter().zip(hashes) {
        coinbase[before.len()..before.len() + 12].copy_from_slice(&lane.extranonces);
        coinbase[anchor_at..anchor_at + 32].copy_from_slice(&lane.anchor);
        let root = job.branch.iter().fold(sha256d(&coinbase), |node, sibling| {
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(&node);
            pair[32..].copy_from_slice(sibling);
            sha256d(&pair)
        });
        let mut header = [0; 80];
        header[0..4].copy_from_slice(&lane.version.to_le_bytes());
        header[4..36].copy_from_slice(&job.prevhash);
        header[36..68].copy_from_slice(&root);
        header[68..72].copy_from_slice(&lane.ntime.to_le_bytes());
        header[72..76].copy_from_slice(&job.nbits.to_le_bytes());
        header[76..80].copy_from_slice(&lane.nonce.to_le_bytes());
        *hash = sha256d(&header);
    }
}

fn sha256d(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

/// Nanoseconds this thread has been on a processor (`sched_show_task`, the first field of schedstat).
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("empty schedstat")?.parse()?)
}

fn lane(bytes: &[u8; 56]) -> Lane {
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (mut extranonces, mut anchor) = ([0; 12], [0; 32]);
    extranonces.copy_from_slice(&bytes[..12]);
    anchor.copy_from_slice(&bytes[12..44]);
    Lane { extranonces, anchor, version: word(44), ntime: word(48), nonce: word(52) }
}

fn read_job(text: &str) -> Result<Job, Box<dyn Error>> {
    let lines: Vec<&str> = text.lines().collect();
    let [before, middle, after, branch, prevhash, nbits, passes] = lines[..] else { return Err("seven lines".into()) };

    Ok(Job {
        coinbase: [unhex(before)?, unhex(middle)?, unhex(after)?],
        branch: unhex(branch)?.as_chunks::<32>().0.to_vec(),
        prevhash: unhex(prevhash)?.try_into().map_err(|_| "a previous hash has 32 bytes")?,
        nbits: u32::from_str_radix(nbits, 16)?,
        passes: passes.parse()?,
    })
}

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let byte = |at: usize| Ok(u8::from_str_radix(text.get(at..at + 2).ok_or("odd hex")?, 16)?);
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
