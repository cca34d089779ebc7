//! Real mining at levels that need a few hashes a share.

use audit_core::{
    coinbase::CoinbasePlan,
    epoch::{EpochMaterial, Session},
    hash::Hash32,
    header::Header,
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

impl Operator<'_> {
    /// A job on the chain's tip, at the epoch's start; `cheat` may change its plan.
    pub fn add_job(&mut self, epoch: u64, cheat: &dyn Fn(&mut CoinbasePlan<'_>), change: &dyn Fn(&mut Job)) {
        let (height, prevhash) = self.chain.tip();
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

    /// Mines shares for the epoch's newest job, in session 0 or 1 in turn, with rolled version bits.
    pub fn mine(&mut self, epoch: u64, count: usize) {
        self.mine_block(epoch, count, false);
    }

    /// The same; the first share that meets the chain's network target gets onto the chain, if its job is for the tip.
    pub(super) fn mine_and_win(&mut self, epoch: u64, count: usize) {
        let tip = self.chain.tip();
        let fits = |(job, header, _): &(Job, Header, Vec<u8>)| {
            (job.height, job.prevhash) == (tip.0 + 1, tip.1) && header.nbits.get() == NBITS
        };
        if let Some((job, header, coinbase)) = self.mine_block(epoch, count, true).filter(fits) {
            self.chain.push(header, coinbase, job.branch);
        }
    }

    fn mine_block(&mut self, epoch: u64, count: usize, wins: bool) -> Option<(Job, Header, Vec<u8>)> {
        let level = Level::new(SHARE_LEVEL).expect("in range");
        let anchor = self.anchor(epoch, level);
        let material = self.material(epoch);
        if material.sessions.is_empty() {
            material.levels.push(level);
            for number in [1, 2] {
                let worker = format!("{number:016x}");
                material.sessions.push(Session { extranonce1: [0, 0, 0, number], worker, lot: "lot1".into() });
            }
        }
        search(material, &anchor, level, count, wins)
    }

    /// Takes the shares out of an epoch that are blocks, but for the first one on the chain.
    pub(super) fn leave_out(&mut self, epoch: u64) {
        let mut kept = false;
        let anchor = self.anchor(epoch, Level::new(SHARE_LEVEL).expect("in range"));
        let material = &mut self.open.get_mut(&epoch).expect("the script opens it before").material;
        let (jobs, sessions) = (&material.jobs, &material.sessions);
        material.shares.retain(|record| {
            let (job, session) = (&jobs[usize::from(record.job)], &sessions[record.session as usize]);
            let hash = job.header(&anchor, session.extranonce1, record).hash();
            let is_block = job.nbits.target().is_some_and(|target| target.is_met_by(&hash));
            let is_first = !kept && self.chain.has(&hash);
            kept |= is_first;
            !is_block || is_first
        });
    }

    /// The anchor hash of an epoch that was opened.
    pub fn anchor(&mut self, epoch: u64, level: Level) -> Hash32 {
        self.anchors.get_mut(&epoch).expect("the script opens it before").hash(level)
    }
}

/// Adds `count` shares; the first block, if any. With `wins` at least the last share is one, unless the job was bent.
fn search(
    material: &mut EpochMaterial,
    anchor: &Hash32,
    level: Level,
    count: usize,
    wins: bool,
) -> Option<(Job, Header, Vec<u8>)> {
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
        let header = job.header(anchor, extranonce1, &record);
        let hash = header.hash();
        let is_block = job.nbits.target().is_some_and(|network| network.is_met_by(&hash));
        let is_last = material.shares.len() + 1 == target;
        let must_win = wins && is_last && block.is_none() && job.nbits.get() == NBITS;
        if level.target().is_met_by(&hash) && (is_block || !must_win) {
            material.shares.push(record);
            if is_block && block.is_none() {
                block = Some((job.clone(), header, job.coinbase_bytes(anchor, extranonce1, record.extranonce2)));
            }
        }
    }
    block
}
