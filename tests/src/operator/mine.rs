//! Real mining at levels that need a few hashes a share.

use audit_core::{
    coinbase::CoinbasePlan,
    epoch::{Anchors, EpochMaterial, Session},
    hash::{BlockHash, Hash32},
    job::Job,
    share::ShareRecord,
    work::{Level, Nbits, Sats},
};

use super::{EPOCH_MS, Operator};

/// One hash in four is a share.
pub(super) const SHARE_LEVEL: i8 = -30;
/// A network target of 2²⁵²: one hash in sixteen is a block.
pub(super) const NBITS: u32 = 0x2010_0000;
/// The pool's script.
pub(super) const PAYOUT_SCRIPT: [u8; 1] = [0x51];
/// The pool's coinbase tag.
pub(super) const TAG: &[u8] = b"/test/";

impl Operator {
    /// A job on the chain's tip, at the epoch's start; `cheat` may change its plan.
    pub fn add_job(&mut self, epoch: u64, cheat: &dyn Fn(&mut CoinbasePlan<'_>), change: &dyn Fn(&mut Job)) {
        let (height, prevhash) = self.tip;
        let material = self.material(epoch);
        let number = u16::try_from(material.jobs.len()).expect("few jobs");
        let outputs = [(Sats::new(5_000_000_000).expect("50 BTC"), PAYOUT_SCRIPT.to_vec())];
        let mut plan = CoinbasePlan {
            height: height + 1,
            tag: TAG,
            job: number,
            outputs: &outputs,
            witness_commitment: Some([3; 32]),
        };
        cheat(&mut plan);
        let mut job = Job {
            job: number,
            prevhash,
            version: 0x2000_0000,
            nbits: Nbits::new(NBITS),
            ntime: u32::try_from(material.start_ms / 1_000).expect("before 2106"),
            height: height + 1,
            coinbase: plan.parts().expect("short"),
            branch: vec![Hash32([4; 32]), Hash32([5; 32])],
        };
        change(&mut job);
        material.jobs.push(job);
    }

    /// Mines shares for the epoch's newest job, in session 0 or 1 in turn, with rolled version bits. The hash of the
    /// first share that meets the network target becomes the chain's tip.
    pub fn mine(&mut self, epoch: u64, count: usize) {
        let level = Level::new(SHARE_LEVEL).expect("in range");
        let material = self.material(epoch);
        if material.sessions.is_empty() {
            material.levels.push(level);
            for number in [1, 2] {
                let worker = format!("{number:016x}");
                material.sessions.push(Session { extranonce1: [0, 0, 0, number], worker, lot: "lot1".into() });
            }
        }
        let found = search(material, level, count);
        if let Some(block) = found {
            self.tip = (self.tip.0 + 1, block);
        }
    }
}

/// Adds `count` shares; the first block's hash, if any.
fn search(material: &mut EpochMaterial, level: Level, count: usize) -> Option<BlockHash> {
    let (epoch, origin) = (material.epoch, material.origin.clone());
    let anchor = Anchors::new(epoch, &origin, material.tree_size, material.root).hash(level);
    let job = material.jobs.last()?.clone();
    let (mut nonce, mut block) = (0u32, None);
    let target = material.shares.len() + count;
    while material.shares.len() < target {
        let session = nonce % 2;
        let record = ShareRecord {
            job: job.job,
            level,
            session,
            extranonce2: [7; 8],
            ntime_offset: u16::try_from(nonce % 3).ok()?,
            version_bits: u16::try_from(nonce % 5).ok()?,
            nonce,
            seconds: u16::try_from(EPOCH_MS / 2_000).ok()?,
        };
        nonce += 1;
        let extranonce1 = material.sessions[session as usize].extranonce1;
        let hash = job.header(&anchor, extranonce1, &record).hash();
        if level.target().is_met_by(&hash) {
            material.shares.push(record);
            let meets = job.nbits.target().is_some_and(|network| network.is_met_by(&hash));
            block = block.or(meets.then_some(hash));
        }
    }
    block
}
