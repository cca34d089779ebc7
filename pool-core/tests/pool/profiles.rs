use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    client::Client,
    test_pool::{NO_BLOCKS, TestPool},
};

/// Bitcoin's own target in 2026: no test finds a block on it, and it leaves room for every level.
const MAINNET: u32 = 0x1702_0000;

async fn rental_miner(pool: &TestPool) -> Client {
    let mut client = Client::connect(pool.rental).await;
    client.introduce("lot.rig").await;
    client
}

#[tokio::test]
async fn a_rental_session_starts_at_a_difficulty_that_markets_accept() {
    let pool = TestPool::with(MAINNET, |_| {}).await;
    assert_eq!(rental_miner(&pool).await.job().await.difficulty, 1_048_576.0);
    pool.stop().await;
}

#[tokio::test]
async fn a_rental_session_follows_harder_suggestions_and_ignores_easier_ones() {
    let pool = TestPool::with(MAINNET, |_| {}).await;
    let mut miner = rental_miner(&pool).await;
    miner.job().await;
    for easier in [json!(1), json!(65_536), json!(1_000_000)] {
        assert_eq!(miner.call("mining.suggest_difficulty", json!([easier])).await["result"], true);
    }
    assert_eq!(miner.call("mining.suggest_difficulty", json!([4_194_304])).await["result"], true);
    // The next thing said is about the harder one: the easier ones changed nothing.
    assert_eq!(miner.job().await.difficulty, 4_194_304.0);
    pool.stop().await;
}

#[tokio::test]
async fn a_rental_coinbase_stays_within_what_markets_accept() {
    let pool = TestPool::with(MAINNET, |config| config.coinbase_tag = vec![b'x'; 20]).await;
    let mut miner = rental_miner(&pool).await;
    let job = miner.job().await;
    let part = |index: usize| job.params[index].as_str().unwrap().len() / 2;
    assert!(part(2) + 4 + 8 + part(3) <= 500, "{job:?}");
    pool.stop().await;
}

#[tokio::test]
async fn the_networks_target_bounds_a_rental_level_too() {
    let pool = TestPool::with(NO_BLOCKS, |_| {}).await;
    assert_eq!(rental_miner(&pool).await.job().await.difficulty, 1.0);
    pool.stop().await;
}

#[tokio::test]
async fn silence_ends_a_session_by_the_time_of_its_profile_unless_it_answers_when_it_is_asked() {
    let idle = Duration::from_millis(500);
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.farm_idle = idle).await;
    let mut rented = rental_miner(&pool).await;
    let mut miner = pool.miner().await;
    miner.job().await;
    let begun = Instant::now();
    while begun.elapsed() < idle * 3 {
        let asked = miner.message().await.unwrap();
        assert_eq!(asked["method"], "mining.ping");
        miner.send(&json!({"id": asked["id"], "result": "pong", "error": null}).to_string()).await;
    }
    assert_eq!(miner.message().await.unwrap()["method"], "mining.ping");
    assert_eq!(miner.message().await, None);
    assert_eq!(rented.call("mining.ping", json!([])).await["result"], "pong");
    pool.stop().await;
}
