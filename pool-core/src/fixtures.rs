//! Values for this crate's tests.

use std::{sync::Arc, time::Duration};

use audit_core::{
    hash::{BlockHash, Hash32, sha256d},
    work::{Level, Nbits, Sats},
};

use crate::{
    block::{BlockBody, assemble},
    config::{Limits, PoolConfig},
    epoch_start::EpochStart,
    live_job::LiveJob,
    lots::Lots,
    node::{BlockTemplate, TemplateTransactions},
    session::{Submission, judge},
};

/// OP_TRUE.
pub(crate) const PAYOUT_SCRIPT: [u8; 1] = [0x51];

/// Sessions from level -14, never below -20.
pub(crate) fn config() -> PoolConfig {
    PoolConfig {
        coinbase_tag: b"/test/".to_vec(),
        payout_script: PAYOUT_SCRIPT.to_vec(),
        first_level: Level::new(-14).unwrap(),
        min_level: Level::new(-20).unwrap(),
        shares_per_minute: 12,
        grace: Duration::from_secs(120),
        pseudonym_key: [0; 32],
        lots: Arc::new(Lots::new(false)),
        journal_dir: "journal".into(),
        blocks_dir: "blocks".into(),
        limits: Limits::default(),
    }
}

pub(crate) fn template(nbits: u32) -> BlockTemplate {
    BlockTemplate {
        version: 0x2000_0000,
        prevhash: BlockHash([7; 32]),
        nbits: Nbits::new(nbits),
        curtime: 1_700_000_000,
        mintime: 1_600_000_000,
        height: 1,
        coinbase_value: Sats::new(5_000_000_000).unwrap(),
        witness_commitment: Some(sha256d(&[0; 64])),
        transactions: TemplateTransactions::default(),
        longpoll_id: "1".into(),
    }
}

pub(crate) fn start(epoch: u64) -> EpochStart {
    let origin = "log.example/pool/v1".into();
    EpochStart { epoch, start_ms: 1_700_000_000_000, origin, tree_size: 3, root: Hash32([4; 32]) }
}

pub(crate) fn job(nbits: u32) -> LiveJob {
    job_on(template(nbits), 0)
}

pub(crate) fn job_on(template: BlockTemplate, number: u16) -> LiveJob {
    LiveJob::new(Arc::new(start(7)), number, Arc::new(template), b"/test/", &PAYOUT_SCRIPT).unwrap()
}

/// A block on `template` that meets its network target, which must be an easy one.
pub(crate) fn mine(template: BlockTemplate) -> Vec<u8> {
    mine_to(template, &PAYOUT_SCRIPT)
}

/// The same, paying another script.
pub(crate) fn mine_to(template: BlockTemplate, payout_script: &[u8]) -> Vec<u8> {
    let job = LiveJob::new(Arc::new(start(7)), 0, Arc::new(template), b"/test/", payout_script).unwrap();
    let at_level = job.at(Level::MIN);
    let try_nonce = |nonce| {
        let ntime = job.row.ntime;
        let submission = Submission { job: at_level.id, extranonce2: [2; 8], ntime, nonce, version_bits: None };
        judge(&job, [1; 4], &submission, 0).ok().filter(|judged| judged.is_block)
    };
    let judged = (0..).find_map(try_nonce).unwrap();
    let coinbase = job.row.coinbase_bytes(&at_level.anchor, [1; 4], [2; 8]);
    assemble(&job.row.header(&at_level.anchor, [1; 4], &judged.record), &coinbase, &BlockBody::of(&job.template))
}
