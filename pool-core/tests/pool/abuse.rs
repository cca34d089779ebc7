//! What one stranger can cost the others, from outside.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use crate::test_pool::{NO_BLOCKS, TestPool};

#[tokio::test]
async fn an_address_gets_no_more_than_its_places_and_gets_them_back() {
    let pool = TestPool::with(NO_BLOCKS, |config| {
        config.limits.sessions_per_address = 2;
        // So long that it is not what ends the third one.
        config.limits.unauthorized = Duration::from_secs(600);
    })
    .await;
    let (mut first, mut second) = (pool.miner().await, pool.miner().await);
    assert_eq!(pool.connect().await.message().await, None);
    assert_eq!(second.call("mining.ping", json!([])).await["result"], "pong");
    first.job().await;
    drop(first);
    while pool.pool.stats().sessions > 1 {
        tokio::task::yield_now().await;
    }
    pool.miner().await.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_turned_away_for_the_minute() {
    let pool = TestPool::with(NO_BLOCKS, |config| {
        config.limits.connects_per_minute = 3;
        // So long that it is not what ends the fourth one.
        config.limits.unauthorized = Duration::from_secs(600);
    })
    .await;
    let mut honest = pool.miner().await;
    for _ in 0..2 {
        drop(pool.miner().await);
    }
    assert_eq!(pool.connect().await.message().await, None);
    assert_eq!(honest.call("mining.ping", json!([])).await["result"], "pong");
    pool.stop().await;
}

#[tokio::test]
async fn a_session_beyond_its_rate_waits_and_loses_nothing() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.lines_per_second = 1).await;
    let mut hasty = pool.connect().await;
    let begun = Instant::now();
    // Three times what is read at once.
    let padding = "x".repeat(4_000);
    for id in 0..12 {
        hasty.send(&json!({"id": id, "method": "mining.ping", "padding": padding}).to_string()).await;
    }
    for id in 0..12 {
        assert_eq!(hasty.message().await.unwrap()["id"], id);
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_hostile_clients_does_not_stop_an_honest_one() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.shards = 1).await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut attackers = JoinSet::new();
    for number in 0..40 {
        attackers.spawn(attack(pool.address, number, over.clone(), sent.clone()));
    }
    while sent.load(Ordering::Relaxed) < 1_000 {
        tokio::task::yield_now().await;
    }
    let before = sent.load(Ordering::Relaxed);
    for extranonce2 in 0..20 {
        miner.submit_accepted(&miner.mine(&job, extranonce2, None)).await;
    }
    assert!(sent.load(Ordering::Relaxed) > before, "the flood went on all the time");
    over.store(true, Ordering::Relaxed);
    attackers.join_all().await;
    assert_eq!(pool.pool.stats().accepted, 20);
    assert_eq!(pool.pool.close_epoch(1).await.unwrap().shares.len(), 20);
    pool.stop().await;
}

/// Writes one kind of nonsense as fast as it is taken, reads nothing, and connects again when it is dropped.
async fn attack(address: SocketAddr, number: usize, over: Arc<AtomicBool>, sent: Arc<AtomicU64>) {
    let nonsense: &[u8] = match number % 5 {
        0 => b"{\"id\":1,\"method\":\"mining.ping\"}\n",
        1 => b"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}\n",
        2 => b"GET / HTTP/1.1\r\n\r\n",
        3 => b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[",
        _ => b"\n\n\n\n\n\n\n\n",
    };
    let burst = nonsense.repeat(100);
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        while !over.load(Ordering::Relaxed) {
            let written = tokio::time::timeout(Duration::from_millis(20), stream.write_all(&burst)).await;
            if matches!(written, Ok(Err(_))) {
                break;
            }
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}
