use serde_json::json;

use crate::{
    client::Client,
    test_pool::{NO_BLOCKS, TestPool, start_of},
};

/// Subscribes with `params` and authorizes; the id of the subscription.
async fn introduce(client: &mut Client, params: serde_json::Value) -> String {
    let id = client.subscribe_with(params).await;
    assert_eq!(client.call("mining.authorize", json!(["lot.rig", "x"])).await["result"], true);
    id
}

/// Resumes `id` as soon as the pool has noticed that its connection is gone.
async fn resume(pool: &TestPool, id: &str, extranonce1: &[u8]) -> Client {
    loop {
        let mut client = pool.connect().await;
        client.strict.resumed = true;
        introduce(&mut client, json!(["test/1.0", id])).await;
        if client.extranonce1 == extranonce1 {
            return client;
        }
    }
}

#[tokio::test]
async fn a_share_found_before_the_connection_broke_counts_on_the_resumed_one() {
    let pool = TestPool::start().await;
    let mut first = pool.connect().await;
    let id = introduce(&mut first, json!(["test/1.0"])).await;
    let job = first.job().await;
    let share = first.mine(&job, 0, None);
    let extranonce1 = first.extranonce1.clone();
    drop(first);
    // A new epoch: the share's job is not sent to the second connection any more.
    pool.pool.open_epoch(start_of(2)).await.unwrap();
    let mut second = resume(&pool, &id, &extranonce1).await;
    let next = second.job().await;
    assert_ne!(next.id, job.id);
    assert!(!next.clean, "the previous hash is the same");
    second.submit_accepted(&share).await;
    assert_eq!(pool.pool.close_epoch(1).await.unwrap().shares.len(), 1);
    pool.stop().await;
}

#[tokio::test]
async fn a_subscription_in_use_is_not_taken_over() {
    let pool = TestPool::start().await;
    let (mut first, mut second) = (pool.connect().await, pool.connect().await);
    let id = introduce(&mut first, json!(["test/1.0"])).await;
    introduce(&mut second, json!(["test/1.0", id])).await;
    assert_ne!(first.extranonce1, second.extranonce1);
    assert_eq!(first.call("mining.ping", json!([])).await["result"], "pong");
    pool.stop().await;
}

#[tokio::test]
async fn who_knows_only_an_extranonce1_gets_another() {
    let pool = TestPool::start().await;
    let mut first = pool.connect().await;
    let id = introduce(&mut first, json!(["test/1.0"])).await;
    let extranonce1 = first.extranonce1.clone();
    drop(first);
    drop(resume(&pool, &id, &extranonce1).await);
    for guess in [&id[..8], &format!("{}{}", &id[..8], "0".repeat(24)), "0", "", "1700000000000"] {
        let mut guesser = pool.connect().await;
        introduce(&mut guesser, json!(["test/1.0", guess])).await;
        assert_ne!(guesser.extranonce1, extranonce1, "{guess}");
    }
    pool.stop().await;
}

#[tokio::test]
async fn a_subscription_outlives_a_restart_of_the_pool() {
    let pool = TestPool::start().await;
    let mut first = pool.connect().await;
    let id = introduce(&mut first, json!(["test/1.0"])).await;
    let job = first.job().await;
    first.submit_accepted(&first.mine(&job, 0, None)).await;
    let extranonce1 = first.extranonce1.clone();
    let pool = TestPool::without_epoch(pool.stop().await, NO_BLOCKS, |_| {}).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut stranger = pool.connect().await;
    introduce(&mut stranger, json!(["test/1.0"])).await;
    let mut second = pool.connect().await;
    introduce(&mut second, json!(["test/1.0", id])).await;
    assert_eq!(second.extranonce1, extranonce1);
    assert_ne!(stranger.extranonce1, extranonce1);
    let job = second.job().await;
    second.submit_accepted(&second.mine(&job, 0, None)).await;
    let material = pool.pool.close_epoch(1).await.unwrap();
    assert_eq!((material.sessions.len(), material.shares.len()), (1, 2), "the same session in the evidence");
    pool.stop().await;
}
