//! The hashing itself: from shares to their header hashes, a window at a time.
//!
//! Everything else that a verifier does is cheap beside this, so it has a narrow interface of its own.

use alloc::{vec, vec::Vec};
use core::ptr;

use share_hash::Lane;

use crate::{
    hash::{BlockHash, Hash32},
    job::Job,
    share::ShareRecord,
};

/// A share with all that its header depends on.
#[derive(Clone, Copy, Debug)]
pub struct WindowShare<'a> {
    /// The job it was mined for.
    pub job: &'a Job,
    /// The anchor hash of its level.
    pub anchor: Hash32,
    /// What the pool assigned to its session.
    pub extranonce1: [u8; 4],
    /// What the worker chose.
    pub record: ShareRecord,
}

/// The header hashes of a window of shares (a chunk's 4,096, or fewer), in their order.
pub fn hash_window(shares: &[WindowShare<'_>]) -> Vec<BlockHash> {
    let mut hashes = vec![BlockHash::default(); shares.len()];
    // Shares of one job are hashed together, those of one anchor as neighbours: most of what they hash is the same.
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_unstable_by_key(|&index| (shares[index].job.job, shares[index].anchor));
    for group in order.chunk_by(|&one, &other| ptr::eq(shares[one].job, shares[other].job)) {
        let job = shares[group[0]].job;
        let lane = |&index: &usize| {
            let WindowShare { anchor, extranonce1, record, .. } = &shares[index];
            job.lane(anchor, *extranonce1, record)
        };
        let lanes: Vec<Lane> = group.iter().map(lane).collect();
        let mut found = vec![[0; 32]; group.len()];
        job.hasher().hash(&lanes, &mut found);
        for (&index, hash) in group.iter().zip(found) {
            hashes[index] = BlockHash(hash);
        }
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coinbase::CoinbasePlan,
        work::{Level, Nbits, Sats},
    };

    fn job(number: u16) -> Job {
        let outputs = [(Sats::new(5_000_000_000).unwrap(), vec![0x51])];
        let plan = CoinbasePlan { height: 9, tag: b"/t/", job: number, outputs: &outputs, witness_commitment: None };
        Job {
            job: number,
            prevhash: BlockHash([7; 32]),
            version: 0x2000_0000,
            nbits: Nbits::new(0x1703_1abe),
            ntime: u32::MAX - 3,
            height: 9,
            coinbase: plan.parts().unwrap(),
            branch: vec![Hash32([u8::try_from(number).unwrap(); 32]); usize::from(number)],
        }
    }

    #[test]
    fn a_window_of_many_jobs_and_levels_has_the_hashes_of_its_headers_in_order() {
        let jobs: Vec<Job> = (0..5).map(job).collect();
        let share = |index: u32| {
            let job = &jobs[index as usize * 7 % 5];
            let record = ShareRecord {
                job: job.job,
                level: Level::MIN,
                session: 0,
                extranonce2: u64::from(index).to_be_bytes(),
                ntime_offset: u16::try_from(index).unwrap(),
                version_bits: u16::MAX - u16::try_from(index).unwrap(),
                nonce: !index,
                seconds: 0,
            };
            WindowShare {
                job,
                anchor: Hash32([u8::from(index.is_multiple_of(3)); 32]),
                extranonce1: [1, 2, 3, 4],
                record,
            }
        };
        let shares: Vec<WindowShare<'_>> = (0..67).map(share).collect();
        let header = |share: &WindowShare<'_>| share.job.header(&share.anchor, share.extranonce1, &share.record);
        let expected: Vec<BlockHash> = shares.iter().map(|share| header(share).hash()).collect();
        assert_eq!(hash_window(&shares), expected);
        assert!(hash_window(&[]).is_empty());
    }
}
