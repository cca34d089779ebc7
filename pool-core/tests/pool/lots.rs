use std::sync::Arc;

use audit_core::hash::{Hash32, sha256};
use pool_core::{LotStats, Lots, RejectReason};
use serde_json::json;

use crate::test_pool::{NO_BLOCKS, TestPool};

/// A pool that serves registered lots only, and its lots: `lot` with the secret `key`.
async fn pool() -> (TestPool, Arc<Lots>) {
    let lots = Arc::new(Lots::new(true));
    lots.open("lot", Hash32(sha256(b"key")));
    let pool = TestPool::with(NO_BLOCKS, |config| config.lots = lots.clone()).await;
    (pool, lots)
}

#[tokio::test]
async fn a_login_needs_the_secret_of_its_lot() {
    let (pool, _) = pool().await;
    let mut miner = pool.connect().await;
    miner.subscribe().await;
    for (name, password) in [("lot.rig", "x"), ("lot.rig", ""), ("lot", "KEY"), ("other.rig", "key"), ("other", "")] {
        let refused = miner.call("mining.authorize", json!([name, password])).await;
        assert_eq!((&refused["result"], &refused["error"][0]), (&json!(null), &json!(24)), "{name} {password}");
    }
    for (name, password) in [("lot.rig", "key"), ("lot.rig2", "key,d=0.01"), ("lot.rig+0.01", "key")] {
        assert_eq!(miner.call("mining.authorize", json!([name, password])).await["result"], true, "{name}");
    }
    miner.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn a_lot_opened_while_the_pool_runs_is_served_and_a_closed_one_only_to_those_who_are_in() {
    let (pool, lots) = pool().await;
    lots.open("later", Hash32(sha256(b"key")));
    let (mut first, mut second) = (pool.connect().await, pool.connect().await);
    assert_eq!(first.call("mining.authorize", json!(["later.rig", "key"])).await["result"], true);
    lots.close("later");
    assert_eq!(second.call("mining.authorize", json!(["later.rig", "key"])).await["error"][0], 24);
    first.subscribe().await;
    first.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn each_lot_counts_what_it_sent_and_what_became_of_it() {
    let (pool, lots) = pool().await;
    let mut miner = pool.connect().await;
    miner.subscribe().await;
    miner.call("mining.authorize", json!(["lot.rig", "key"])).await;
    let job = miner.job().await;
    let share = miner.mine(&job, 0, None);
    miner.submit_accepted(&share).await;
    miner.submit_accepted(&miner.mine(&job, 1, None)).await;
    miner.submit_refused(&share).await;
    miner.submit_refused(&share).await;
    miner.submit_refused(&miner.miss(&job)).await;
    let LotStats { workers, leg } = lots.stats("lot").unwrap();
    assert_eq!((workers, leg.received(), leg.accepted), (1, 5, 2));
    assert_eq!(leg.work, pool.pool.stats().work);
    let rejected: Vec<_> = leg.rejected.into_iter().collect();
    assert_eq!(rejected, [(RejectReason::Duplicate, 2), (RejectReason::AboveTarget, 1)]);
    assert_eq!(lots.unregistered(), LotStats::default());
    drop(miner);
    while lots.stats("lot").unwrap().workers > 0 {
        tokio::task::yield_now().await;
    }
    pool.stop().await;
}

#[tokio::test]
async fn logins_are_counted_by_the_software_that_rigs_name_or_are_asked_for() {
    let (pool, lots) = pool().await;
    let mut named = pool.connect().await;
    named.subscribe().await;
    for worker in ["lot.one", "lot.two", "lot.one"] {
        named.call("mining.authorize", json!([worker, "key"])).await;
    }
    let mut asked = pool.connect().await;
    asked.call("mining.authorize", json!(["lot.three", "key"])).await;
    asked.subscribe_with(json!([])).await;
    let question = asked.message().await.unwrap();
    assert_eq!(question["method"], "client.get_version");
    for answer in [json!("bmminer\u{7}/2.0"), json!("another/1")] {
        asked.send(&json!({"id": question["id"], "result": answer, "error": null}).to_string()).await;
    }
    asked.call("mining.ping", json!([])).await;
    let agents: Vec<_> = lots.stats("lot").unwrap().leg.agents.into_iter().collect();
    assert_eq!(agents, [("bmminer/2.0".to_owned(), 1), ("test/1.0".to_owned(), 2)]);
    pool.stop().await;
}
