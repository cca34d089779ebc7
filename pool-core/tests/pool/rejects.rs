use std::time::Duration;

use audit_core::epoch::Reject;
use serde_json::json;

use crate::{
    client::Share,
    test_pool::{ALL_BLOCKS, NO_BLOCKS, TestPool, start_of},
};

#[tokio::test]
async fn every_reason_has_its_code_and_is_counted_in_the_evidence() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    let good = miner.mine(&job, 0, None);
    miner.submit_accepted(&good).await;
    let ntime = u32::from_str_radix(&good.ntime, 16).unwrap();
    let at = |ntime: u32| Share { ntime: format!("{ntime:08x}"), ..good.clone() };
    let other_job = |job: &str| Share { job: job.into(), ..good.clone() };
    let refused = [
        (good.clone(), 22, "duplicate"),
        (
            Share { extranonce2: good.extranonce2.to_uppercase(), nonce: good.nonce.to_uppercase(), ..good.clone() },
            22,
            "duplicate",
        ),
        (miner.miss(&job), 23, "above_target"),
        (at(ntime - 1), 20, "ntime_out_of_range"),
        (at(ntime + 7_001), 20, "ntime_out_of_range"),
        (Share { ntime: "1".into(), ..good.clone() }, 20, "ntime_out_of_range"),
        (Share { version_bits: Some("20000000".into()), ..good.clone() }, 20, "bad_version_bits"),
        (Share { extranonce2: "00".into(), ..good.clone() }, 20, "bad_extranonce2"),
        (Share { extranonce2: "000000000000000g".into(), ..good.clone() }, 20, "bad_extranonce2"),
        (Share { nonce: "0x000000".into(), ..good.clone() }, 20, "malformed"),
        (other_job("nonsense"), 21, "unknown_job"),
        (other_job(&good.job.replace("0000000000000001", "0000000000000002")), 21, "unknown_job"),
        (other_job(&format!("{}7f", &good.job[..20])), 21, "unknown_job"),
        (other_job(&format!("{}e0", &good.job[..20])), 21, "unknown_job"),
        (other_job(&good.job.replace("0000000000000001", "0000000000000000")), 21, "stale"),
    ];
    for (share, code, reason) in &refused {
        assert_eq!(miner.submit_refused(share).await.0, *code, "{reason} {share:?}");
    }
    let stats = pool.pool.stats();
    assert_eq!(stats.rejected.values().sum::<u64>(), refused.len() as u64);
    let material = pool.pool.close_epoch(1).await.unwrap();
    for Reject { worker, reason, count } in &material.rejects {
        assert_eq!(worker, &material.sessions[0].worker);
        assert_eq!(*count, refused.iter().filter(|(_, _, name)| name == reason).count() as u64, "{reason}");
    }
    assert_eq!(material.rejects.len(), 8);
    assert_eq!(material.shares.len(), 1);
    pool.stop().await;
}

#[tokio::test]
async fn submissions_before_login_are_told_what_is_missing() {
    let pool = TestPool::start().await;
    let mut miner = pool.connect().await;
    let params = json!(["lot.rig", "0", "0", "0", "0"]);
    assert_eq!(miner.call("mining.submit", params.clone()).await["error"][0], 25);
    miner.subscribe().await;
    assert_eq!(miner.call("mining.submit", params).await["error"][0], 24);
    for name in ["", "a b", ".x", &"x".repeat(65)] {
        assert_eq!(miner.call("mining.authorize", json!([name, ""])).await["error"][0], 24, "{name}");
    }
    pool.stop().await;
}

#[tokio::test]
async fn version_bits_need_negotiation() {
    let pool = TestPool::start().await;
    let mut miner = pool.connect().await;
    miner.subscribe().await;
    miner.call("mining.authorize", json!(["lot.rig"])).await;
    let job = miner.job().await;
    let share = miner.mine(&job, 0, Some(0x2000));
    assert_eq!(miner.submit_refused(&share).await.0, 20);
    pool.stop().await;
}

#[tokio::test]
async fn stale_share_is_rejected_after_a_new_block() {
    let pool = TestPool::with(ALL_BLOCKS, |config| config.limits.replaced_tip_grace = Duration::ZERO).await;
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    assert_eq!(job.difficulty, 2f64.powi(-32));
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    let next = miner.clean_job().await;
    assert_ne!(next.params[1], job.params[1]);
    let late = miner.mine(&job, 1, None);
    assert_eq!(miner.submit_refused(&late).await.0, 21);
    pool.stop().await;
}

#[tokio::test]
async fn share_on_a_replaced_block_counts_within_the_grace() {
    let pool = TestPool::with(ALL_BLOCKS, |config| config.limits.replaced_tip_grace = Duration::from_secs(600)).await;
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    miner.clean_job().await;
    miner.submit_accepted(&miner.mine(&job, 1, None)).await;
    pool.stop().await;
}

#[tokio::test]
async fn share_of_the_epoch_before_counts_there_within_the_grace() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let old = miner.job().await;
    pool.pool.open_epoch(start_of(2)).await.unwrap();
    let new = miner.job_of_epoch(2).await;
    assert!(!new.clean, "the previous hash is the same");
    miner.submit_accepted(&miner.mine(&old, 0, None)).await;
    miner.submit_accepted(&miner.mine(&new, 0, None)).await;
    let material = pool.pool.close_epoch(1).await.unwrap();
    assert_eq!((material.epoch, material.shares.len()), (1, 1));
    let late = miner.mine(&old, 1, None);
    assert_eq!(miner.submit_refused(&late).await.0, 21);
    assert_eq!(pool.pool.close_epoch(1).await.unwrap(), material);
    assert_eq!(pool.pool.close_epoch(2).await.unwrap().shares.len(), 1);
    pool.stop().await;
}

#[tokio::test]
async fn share_of_the_epoch_before_is_stale_after_the_grace() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.grace = Duration::ZERO).await;
    let mut miner = pool.miner().await;
    let old = miner.job().await;
    pool.pool.open_epoch(start_of(2)).await.unwrap();
    miner.job_of_epoch(2).await;
    let late = miner.mine(&old, 0, None);
    assert_eq!(miner.submit_refused(&late).await.0, 21);
    assert_eq!(pool.pool.close_epoch(1).await.unwrap().shares, []);
    pool.stop().await;
}
