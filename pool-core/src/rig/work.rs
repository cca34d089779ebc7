//! What a rig hashes: `mining.notify` → headers.

use std::sync::atomic::{AtomicU64, Ordering};

use audit_core::{
    hash::{BlockHash, Hash32, sha256d},
    header::{Header, VERSION_MASK},
    job::fold_branch,
    work::{Level, Nbits, Target},
};
use serde_json::Value;

use crate::stratum::{notify::parse_swapped_words, request::level_at_least};

/// What a subscription fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) extranonce1: Vec<u8>,
    pub(super) extranonce2_len: usize,
}

/// Until when jobs hold: the pool voids all earlier ones with `clean_jobs`, and a new connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Validity(u64);

impl Validity {
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A job as a rig sees it. Threads take extranonce2 values from it one by one.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) job: String,
    pub(super) validity: Validity,
    pub(super) version_mask: u32,
    pub(super) target: Target,
    version: u32,
    prevhash: BlockHash,
    coinbase_prefix: Vec<u8>,
    coinbase_suffix: Vec<u8>,
    branch: Vec<Hash32>,
    pub(super) ntime: u32,
    nbits: Nbits,
    extranonce2_len: usize,
    next_extranonce2: AtomicU64,
}

/// The share target of a difficulty, rounded to the harder power of two; `None` when it is no positive number.
pub(super) fn target_of(difficulty: &Value) -> Option<Target> {
    difficulty.as_f64().and_then(level_at_least).map(Level::target)
}

impl Work {
    /// Reads the parameters of `mining.notify`; `None` when they are malformed.
    pub(super) fn read(
        params: &[Value],
        subscription: &Subscription,
        target: Target,
        version_mask: u32,
        validity: Validity,
    ) -> Option<Self> {
        let text = |index: usize| params.get(index)?.as_str();
        let bytes = |index: usize| hex::decode(text(index)?).ok();
        let number = |index: usize| u32::from_str_radix(text(index)?, 16).ok();
        let branch = params.get(4)?.as_array()?.iter().map(|hash| hash.as_str()?.parse().ok());
        Some(Self {
            job: text(0)?.to_owned(),
            validity,
            version_mask: version_mask & VERSION_MASK,
            target,
            version: number(5)?,
            prevhash: parse_swapped_words(text(1)?)?,
            coinbase_prefix: [&bytes(2)?[..], &subscription.extranonce1].concat(),
            coinbase_suffix: bytes(3)?,
            branch: branch.collect::<Option<_>>()?,
            ntime: number(7)?,
            nbits: Nbits::new(number(6)?),
            extranonce2_len: subscription.extranonce2_len,
            next_extranonce2: AtomicU64::new(0),
        })
    }

    /// An extranonce2 that no other thread has, and its header with nonce 0.
    pub(super) fn next_header(&self) -> (Vec<u8>, Header) {
        let number = self.next_extranonce2.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        let mut extranonce2 = vec![0; self.extranonce2_len];
        extranonce2.iter_mut().zip(number).for_each(|(byte, value)| *byte = value);
        let coinbase = [&self.coinbase_prefix[..], &extranonce2, &self.coinbase_suffix].concat();
        let header = Header {
            version: self.version,
            prevhash: self.prevhash,
            merkle_root: fold_branch(sha256d(&coinbase), &self.branch),
            ntime: self.ntime,
            nbits: self.nbits,
            nonce: 0,
        };
        (extranonce2, header)
    }

    /// The header's versions with every combination of rollable bits, the job's own first.
    pub(super) fn versions(&self) -> impl Iterator<Item = u32> + '_ {
        let fixed = self.version & !self.version_mask;
        let rolled = (0..=u16::MAX).map(|bits| u32::from(bits) << 13).filter(|bits| bits & !self.version_mask == 0);
        let rolled = rolled.map(move |bits| fixed | bits).filter(|version| *version != self.version);
        std::iter::once(self.version).chain(rolled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    fn work(mask: u32) -> (Work, crate::live_job::LiveJob) {
        let job = fixtures::job(0x207f_ffff);
        let line = job.at(Level::MIN).notify.line(true).to_owned();
        let notify: Value = serde_json::from_str(&line).unwrap();
        let subscription = Subscription { extranonce1: vec![1, 2, 3, 4], extranonce2_len: 8 };
        let params = notify["params"].as_array().unwrap().clone();
        (Work::read(&params, &subscription, Level::MIN.target(), mask, Validity::default()).unwrap(), job)
    }

    #[test]
    fn rig_and_pool_build_the_same_header() {
        let (work, job) = work(VERSION_MASK);
        work.next_header();
        let (extranonce2, header) = work.next_header();
        let record = audit_core::share::ShareRecord {
            job: 0,
            level: Level::MIN,
            session: 0,
            extranonce2: extranonce2.try_into().unwrap(),
            ntime_offset: 0,
            version_bits: 0,
            nonce: 0,
            seconds: 0,
        };
        assert_eq!(header, job.row.header(&job.at(Level::MIN).anchor, [1, 2, 3, 4], &record));
    }

    #[test]
    fn versions_are_distinct_and_within_the_mask() {
        assert_eq!(work(0).0.versions().collect::<Vec<_>>(), [0x2000_0000]);
        let (work, _) = work(0x0000_6000);
        assert_eq!(work.versions().collect::<Vec<_>>(), [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000]);
    }

    #[test]
    fn difficulties_become_targets_that_are_hard_enough() {
        assert_eq!(target_of(&json!(1)), Level::new(0).map(Level::target));
        assert_eq!(target_of(&json!(0.000_061_035_156_25)), Level::new(-14).map(Level::target));
        assert_eq!(target_of(&json!(1000)), Level::new(10).map(Level::target));
        assert_eq!(target_of(&json!("1")), None);
        assert_eq!(target_of(&json!(0)), None);
    }
}
