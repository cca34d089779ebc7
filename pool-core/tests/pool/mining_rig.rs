use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use audit_core::{seal::seal, work::Level};
use pool_core::{
    PoolConfig, PoolEvent, RejectReason,
    node::Node,
    rig::{self, RigConfig, RigError},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

use crate::test_pool::{ALL_BLOCKS, TestPool, start_of};

/// About 2¹⁸ hashes a block.
const SOME_BLOCKS: u32 = 0x1e3f_ffff;

fn rig_config(pool: &TestPool, record: Option<PathBuf>) -> RigConfig {
    RigConfig { url: pool.url(), user: "lot.cpu".into(), password: "x".into(), threads: 1, record }
}

fn quick(config: &mut PoolConfig) {
    config.first_level = Level::new(-18).unwrap();
    config.shares_per_minute = 6_000;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rig_mines_blocks_that_the_chain_accepts_and_its_record_is_in_the_evidence() {
    let mut pool = TestPool::with(SOME_BLOCKS, quick).await;
    let record = pool.folder.path().join("record");
    let stop = CancellationToken::new();
    let rig = tokio::spawn(rig::run(rig_config(&pool, Some(record.clone())), stop.clone()));
    let mut found = Vec::new();
    while found.len() < 3 {
        match pool.events.recv().await.unwrap() {
            PoolEvent::BlockFound { hash, height, .. } => found.push((height, hash)),
            event => panic!("{event:?}"),
        }
    }
    stop.cancel();
    let report = rig.await.unwrap().unwrap();
    let material = pool.pool.close_epoch(1).await.unwrap();
    let sealed = seal(&material).unwrap();
    let evidence: BTreeSet<String> = hashes(&material);
    let recorded: BTreeSet<String> = fs::read_to_string(record).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(recorded.len() as u64, report.accepted);
    assert!(recorded.is_subset(&evidence));
    assert!(report.hashes > 0);
    let first = found[0];
    assert_eq!(pool.chain.block_hash_at(1).await.unwrap(), Some(first.1));
    assert!(sealed.blocks.iter().any(|block| block.hash == first.1 && block.height == first.0));
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rig_reconnects_and_follows_epochs() {
    let pool = TestPool::without_epoch(tempfile::tempdir().unwrap(), 0x1d00_ffff, quick).await;
    let stop = CancellationToken::new();
    let rig = tokio::spawn(rig::run(rig_config(&pool, None), stop.clone()));
    for epoch in 1..=3u64 {
        let before = pool.pool.stats().accepted;
        pool.pool.open_epoch(start_of(epoch)).await.unwrap();
        while pool.pool.stats().accepted < before + 10 {
            tokio::task::yield_now().await;
        }
    }
    let third = pool.pool.close_epoch(3).await.unwrap();
    stop.cancel();
    rig.await.unwrap().unwrap();
    assert!(!third.shares.is_empty());
    pool.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_block_wastes_no_more_than_the_shares_in_flight() {
    let no_grace = |config: &mut PoolConfig| config.limits.replaced_tip_grace = Duration::ZERO;
    let mut pool = TestPool::with(ALL_BLOCKS, no_grace).await;
    let stop = CancellationToken::new();
    let rig = tokio::spawn(rig::run(rig_config(&pool, None), stop.clone()));
    let mut height = 0;
    while height < 20 {
        if let PoolEvent::BlockFound { height: found, .. } = pool.events.recv().await.unwrap() {
            height = height.max(found);
        }
    }
    stop.cancel();
    rig.await.unwrap().unwrap();
    let stale = pool.pool.stats().rejected.get(&RejectReason::Stale).copied().unwrap_or(0);
    // Blocks go on being found between the last event and the stop.
    let blocks = u64::from(pool.chain.tip().await.unwrap().height) + 1;
    assert!(stale <= 16 * blocks, "{stale} stale shares over {blocks} blocks");
    pool.stop().await;
}

#[tokio::test]
async fn a_rig_answers_what_a_pool_may_ask() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("stratum+tcp://{}", socket.local_addr().unwrap());
    let stop = CancellationToken::new();
    let config = RigConfig { url, user: "lot.cpu".into(), password: "x".into(), threads: 1, record: None };
    let rig = tokio::spawn(rig::run(config, stop.clone()));
    let mut pool = BufReader::new(socket.accept().await.unwrap().0);
    for (id, question, expected) in
        [(1, "client.get_version", concat!("provenhash-rig/", env!("CARGO_PKG_VERSION"))), (2, "mining.ping", "pong")]
    {
        let question = json!({"id": id, "method": question, "params": []});
        pool.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        let answer = loop {
            let mut line = String::new();
            pool.read_line(&mut line).await.unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["method"].is_null() {
                break message;
            }
        };
        assert_eq!(answer, json!({"id": id, "result": expected, "error": null}));
    }
    stop.cancel();
    rig.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_rig_refuses_what_is_no_stratum_url() {
    let config =
        |url: &str| RigConfig { url: url.into(), user: "a".into(), password: "x".into(), threads: 1, record: None };
    for url in ["127.0.0.1:3333", "http://127.0.0.1:3333", "stratum+tcp://", "stratum+tcp://host"] {
        let refused = rig::run(config(url), CancellationToken::new()).await;
        assert!(matches!(refused, Err(RigError::Url(_))), "{url}");
    }
}

/// Header hashes of all shares, in display order.
fn hashes(material: &audit_core::epoch::EpochMaterial) -> BTreeSet<String> {
    let mut anchors =
        audit_core::epoch::Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
    let shares = material.shares.iter();
    shares
        .map(|share| {
            let extranonce1 = material.sessions[share.session as usize].extranonce1;
            let job = &material.jobs[usize::from(share.job)];
            job.header(&anchors.hash(share.level), extranonce1, share).hash().to_string()
        })
        .collect()
}
