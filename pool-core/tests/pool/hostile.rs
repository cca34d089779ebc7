use std::time::Duration;

use pool_core::PoolConfig;
use serde_json::json;

use crate::test_pool::{NO_BLOCKS, TestPool};

#[tokio::test]
async fn wrong_requests_get_clear_errors_and_the_connection_lives() {
    let pool = TestPool::start().await;
    let mut client = pool.connect().await;
    for (line, text) in [
        ("{", "Not JSON"),
        ("\u{0}\u{1}\u{2}", "Not JSON"),
        ("[]", "JSON object"),
        (r#"{"id":[1],"method":"mining.ping"}"#, "id"),
        (r#"{"id":1}"#, "method"),
        (r#"{"id":1,"method":"mining.submit","params":{"a":1}}"#, "array"),
        (r#"{"id":1,"method":"mining.submit","params":[1,2,3,4,5]}"#, "params[0]"),
        (r#"{"id":1,"method":"mining.authorize"}"#, "worker name"),
        (r#"{"id":1,"method":"mining.unheard_of"}"#, "Unknown method mining.unheard_of"),
    ] {
        client.send(line).await;
        let answer = client.message().await.unwrap();
        assert_eq!(answer["error"][0], 20, "{line}");
        assert!(answer["error"][1].as_str().unwrap().contains(text), "{line}: {answer}");
    }
    client.send("").await;
    client.send("  \r").await;
    assert_eq!(client.call("mining.ping", json!([])).await["result"], "pong");
    client.introduce("a").await;
    client.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn too_many_garbage_lines_end_the_connection() {
    let pool = TestPool::start().await;
    let mut client = pool.connect().await;
    for _ in 0..8 {
        client.send("GET / HTTP/1.1").await;
        assert_eq!(client.message().await.unwrap()["error"][0], 20);
    }
    client.send("GET / HTTP/1.1").await;
    assert_eq!(client.message().await, None);
    pool.miner().await.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn a_line_of_a_megabyte_is_told_why_and_disconnected() {
    let pool = TestPool::start().await;
    let mut client = pool.connect().await;
    client.send_bytes(&vec![b'x'; 1 << 20]).await;
    let answer = client.message().await.unwrap();
    assert!(answer["error"][1].as_str().unwrap().contains("16384"), "{answer}");
    assert_eq!(client.message().await, None);
    pool.miner().await.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn who_does_not_log_in_is_disconnected() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.unauthorized = Duration::from_millis(50)).await;
    let (mut silent, mut half) = (pool.connect().await, pool.connect().await);
    half.send(r#"{"id":1,"method":"mining.authorize","params":["a"]}"#).await;
    assert_eq!(half.message().await.unwrap()["result"], true);
    assert_eq!(silent.message().await, None);
    assert_eq!(half.message().await, None);
    pool.stop().await;
}

#[tokio::test]
async fn who_does_not_read_is_dropped_and_holds_up_nobody() {
    let impatient = |config: &mut PoolConfig| {
        (config.limits.write, config.limits.lines_per_second) = (Duration::from_millis(50), 0);
    };
    let pool = TestPool::with(NO_BLOCKS, impatient).await;
    let mut slow = pool.miner().await;
    slow.flood("{\"id\":1,\"method\":\"mining.ping\"}\n").await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    miner.submit_accepted(&miner.mine(&job, 0, None)).await;
    pool.stop().await;
}

#[tokio::test]
async fn a_connection_that_nothing_reaches_any_more_is_ended_by_the_kernel() {
    let pool = TestPool::with(NO_BLOCKS, |config| {
        (config.limits.arrival, config.limits.lines_per_second) = (Duration::from_millis(200), 0);
        // So long that it is not what ends it.
        config.limits.write = Duration::from_secs(600);
    })
    .await;
    let mut gone = pool.miner().await;
    // Its window is full: as with a dead network, what is written stays with the pool.
    let ended = tokio::time::timeout(Duration::from_secs(30), gone.flood("{\"id\":1,\"method\":\"mining.ping\"}\n"));
    ended.await.expect("an end in time");
    pool.stop().await;
}

#[tokio::test]
async fn sessions_beyond_the_limit_are_turned_away() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.sessions = 1).await;
    let mut first = pool.miner().await;
    first.job().await;
    assert_eq!(pool.connect().await.message().await, None);
    assert_eq!(first.call("mining.ping", json!([])).await["result"], "pong");
    pool.stop().await;
}
