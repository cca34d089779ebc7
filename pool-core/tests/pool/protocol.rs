use std::time::Duration;

use serde_json::{Value, json};

use crate::test_pool::{NO_BLOCKS, TestPool};

#[tokio::test]
async fn a_suggestion_as_a_notification_gets_a_job_and_no_reply() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    miner.job().await;
    miner.send(r#"{"id":null,"method":"mining.suggest_difficulty","params":[0.0001]}"#).await;
    let difficulty = miner.message().await.unwrap();
    assert_eq!((difficulty["method"].as_str(), &difficulty["id"]), (Some("mining.set_difficulty"), &Value::Null));
    assert_eq!(difficulty["params"], json!([2f64.powi(-14)]));
    assert_eq!(miner.message().await.unwrap()["method"], "mining.notify");
    pool.stop().await;
}

#[tokio::test]
async fn a_difficulty_in_the_methods_name_or_as_a_target_is_a_suggestion() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    miner.job().await;
    assert_eq!(miner.call("mining.suggest_difficulty(0.25)", json!([])).await["result"], true);
    assert_eq!(miner.job().await.difficulty, 0.25);
    let target = json!(["00000001fffe0000000000000000000000000000000000000000000000000000"]);
    assert_eq!(miner.call("mining.suggest_target", target).await["result"], true);
    assert_eq!(miner.job().await.difficulty, 0.5);
    pool.stop().await;
}

#[tokio::test]
async fn a_difficulty_in_the_password_or_behind_the_name_is_kept_to() {
    let pool = TestPool::start().await;
    for (name, password, difficulty) in [("lot.rig", "secret,d=0.1", 0.125), ("lot.rig+0.25", "x", 0.25)] {
        let mut miner = pool.connect().await;
        miner.subscribe().await;
        assert_eq!(miner.call("mining.authorize", json!([name, password])).await["result"], true);
        assert_eq!(miner.job().await.difficulty, difficulty);
        miner.call("mining.suggest_difficulty", json!([0.001])).await;
        // Nothing easier came: the next thing said answers the ping.
        assert_eq!(miner.call("mining.ping", json!([])).await["result"], "pong");
    }
    let material = pool.pool.close_epoch(1).await.unwrap();
    assert_eq!(material.sessions, []);
    pool.stop().await;
}

#[tokio::test]
async fn ids_come_back_as_they_were_sent() {
    let pool = TestPool::start().await;
    let mut client = pool.connect().await;
    for id in ["0", "18446744073709551615", "-7", "\"a \\\" b\"", "\"\"", "null"] {
        client.send(&format!("{{\"method\":\"mining.ping\",\"id\":{id},\"params\":[]}}")).await;
        let expected: Value = serde_json::from_str(id).unwrap();
        assert_eq!(client.message().await.unwrap()["id"], expected);
    }
    pool.stop().await;
}

#[tokio::test]
async fn answers_to_questions_of_the_pool_are_taken_in_silence() {
    let pool = TestPool::start().await;
    let mut client = pool.connect().await;
    for _ in 0..100 {
        client.send(r#"{"id":1,"result":"cgminer/4.12.1","error":null}"#).await;
        client.send(r#"{"id":1,"result":null,"error":[-3,"Method not found",null]}"#).await;
    }
    assert_eq!(client.call("mining.ping", json!([])).await["result"], "pong");
    pool.stop().await;
}

#[tokio::test]
async fn only_invalid_shares_bring_the_job_again_then_a_reconnect_then_the_end() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.invalid_patience = Duration::ZERO).await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    let miss = miner.miss(&job);
    assert_eq!(miner.submit_refused(&miss).await.0, 23);
    let again = miner.job().await;
    assert_eq!((&again.id, again.clean, miner.strict.resent), (&job.id, true, 1));
    assert_eq!(miner.submit_refused(&miss).await.0, 23);
    assert_eq!(miner.message().await.unwrap()["method"], "client.show_message");
    assert_eq!(miner.message().await.unwrap(), json!({"id": null, "method": "client.reconnect", "params": []}));
    miner.send(&miner.submission(&miss).to_string()).await;
    assert_eq!(miner.message().await, None);
    pool.stop().await;
}

#[tokio::test]
async fn duplicates_are_refused_for_ever_and_cost_nothing_else() {
    let pool = TestPool::with(NO_BLOCKS, |config| config.limits.invalid_patience = Duration::ZERO).await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    let share = miner.mine(&job, 0, None);
    miner.submit_accepted(&share).await;
    for _ in 0..1_000 {
        assert_eq!(miner.submit_refused(&share).await.0, 22);
    }
    miner.submit_accepted(&miner.mine(&job, 1, None)).await;
    pool.stop().await;
}
