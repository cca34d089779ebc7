use audit_core::{seal::seal, work::Work};
use pool_core::JobId;
use serde_json::json;

use crate::test_pool::{EASY, NO_BLOCKS, TestPool, start_of};

#[tokio::test]
async fn a_miner_gets_a_job_and_its_share_ends_up_in_the_sealed_epoch() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    assert!(job.clean);
    assert_eq!(job.difficulty, 2f64.powi(EASY.into()));
    let id: JobId = job.id.parse().unwrap();
    assert_eq!((id.epoch, id.job, id.level.get()), (1, 0, EASY));
    let plain = miner.mine(&job, 0, None);
    let rolled = miner.mine(&job, 1, Some(0x0654_2000));
    miner.submit_accepted(&plain).await;
    miner.submit_accepted(&rolled).await;
    let stats = pool.pool.stats();
    assert_eq!((stats.sessions, stats.accepted, stats.work), (1, 2, Work::new(id.level.work().get() * 2)));
    let material = pool.pool.close_epoch(1).await.unwrap();
    assert_eq!(u32::from(material.shares[1].version_bits), 0x0654_2000 >> 13);
    assert_eq!(material.sessions[0].lot, "lot");
    let sealed = seal(&material).unwrap();
    assert_eq!(sealed.count, 2);
    let best = [plain.hash, rolled.hash].into_iter().min().unwrap();
    assert_eq!(sealed.close.best_hash.unwrap().to_string(), best);
    pool.stop().await;
}

#[tokio::test]
async fn without_an_epoch_there_is_a_login_but_no_job() {
    let pool = TestPool::without_epoch(tempfile::tempdir().unwrap(), NO_BLOCKS, |_| {}).await;
    let mut miner = pool.miner().await;
    assert_eq!(miner.call("mining.ping", json!([])).await["result"], "pong");
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    assert!(miner.job().await.id.starts_with("0000000000000001"));
    pool.stop().await;
}

#[tokio::test]
async fn extranonces_are_sequential_and_one_job_text_serves_all() {
    let pool = TestPool::start().await;
    let (mut one, mut two) = (pool.miner().await, pool.miner().await);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    assert_eq!(number(&two.extranonce1), number(&one.extranonce1) + 1);
    assert_eq!(one.job().await.params, two.job().await.params);
    let (one_job, two_job) = (pool.miner().await.job().await, pool.miner().await.job().await);
    assert_eq!(one_job.id, two_job.id);
    pool.stop().await;
}

#[tokio::test]
async fn a_suggested_difficulty_comes_with_its_own_notify() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let first = miner.job().await;
    assert_eq!(miner.call("mining.suggest_difficulty", json!([0.0001])).await["result"], true);
    let second = miner.job().await;
    assert!(!second.clean);
    assert_eq!(second.difficulty, 2f64.powi(-14));
    assert_ne!(second.id, first.id);
    miner.submit_accepted(&miner.mine(&first, 0, None)).await;
    pool.stop().await;
}

#[tokio::test]
async fn suggestions_above_the_network_target_are_limited_to_it() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    miner.job().await;
    miner.call("mining.suggest_difficulty", json!([1e30])).await;
    assert_eq!(miner.job().await.difficulty, 1.0);
    pool.stop().await;
}

#[tokio::test]
async fn vardiff_raises_the_level_of_a_fast_miner() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    // 25 shares at once prove that they come faster than one a minute.
    for extranonce2 in 0..25 {
        miner.submit_accepted(&miner.mine(&job, extranonce2, None)).await;
    }
    let next = miner.job().await;
    assert!(next.difficulty > job.difficulty, "{next:?}");
    assert!(!next.clean);
    pool.stop().await;
}

#[tokio::test]
async fn polite_questions_get_polite_answers() {
    let pool = TestPool::start().await;
    let mut miner = pool.connect().await;
    let asked = json!([["minimum-difficulty", "subscribe-extranonce", "x"], {"minimum-difficulty.value": 0.001}]);
    let answer = miner.call("mining.configure", asked).await;
    assert_eq!(answer["result"], json!({"minimum-difficulty": true, "subscribe-extranonce": true, "x": false}));
    assert_eq!(miner.call("mining.extranonce.subscribe", json!([])).await["result"], true);
    assert_eq!(miner.call("mining.get_transactions", json!(["0"])).await["result"], json!([]));
    assert_eq!(miner.call("mining.authorize", json!(["b.1", ""])).await["result"], true);
    miner.subscribe().await;
    assert_eq!(miner.job().await.difficulty, 2f64.powi(-9));
    pool.stop().await;
}
