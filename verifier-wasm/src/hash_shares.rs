//! The header hashes of many shares of one job.

use audit_core::{
    hash::{BlockHash, Hash32},
    work::Nbits,
};
use serde::Deserialize;
use share_hash::{JobHasher, Lane};

/// extranonces 12 ‖ anchor hash 32 ‖ version, ntime, nonce u32 big-endian.
const LANE_LEN: usize = 56;

/// The fields of a row of `jobs.json` that the hash of a share needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    coinbase: [String; 3],
    branch: Vec<Hash32>,
    prevhash: BlockHash,
    nbits: Nbits,
}

/// The hashes, 32 bytes each.
pub(crate) fn hash_shares(job_json: &str, shares: &[u8]) -> Result<Vec<u8>, String> {
    let job: Job = serde_json::from_str(job_json).map_err(|error| format!("job: {error}"))?;
    let [before, middle, after] = job.coinbase.map(hex::decode);
    let part = |part: Result<Vec<u8>, hex::FromHexError>| part.map_err(|error| format!("coinbase: {error}"));
    let (before, middle, after) = (part(before)?, part(middle)?, part(after)?);
    let branch: Vec<[u8; 32]> = job.branch.iter().map(|sibling| sibling.0).collect();
    let (shares, rest) = shares.as_chunks::<LANE_LEN>();
    if !rest.is_empty() {
        return Err(format!("shares: not {LANE_LEN} bytes each"));
    }
    let lanes: Vec<Lane> = shares.iter().map(lane).collect();
    let mut hashes = vec![[0; 32]; lanes.len()];
    JobHasher::new(&before, &middle, &after, &branch, job.prevhash.0, job.nbits.get()).hash(&lanes, &mut hashes);
    Ok(hashes.into_flattened())
}

fn lane(bytes: &[u8; LANE_LEN]) -> Lane {
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (mut extranonces, mut anchor) = ([0; 12], [0; 32]);
    extranonces.copy_from_slice(&bytes[..12]);
    anchor.copy_from_slice(&bytes[12..44]);
    Lane { extranonces, anchor, version: word(44), ntime: word(48), nonce: word(52) }
}
