use std::{sync::Arc, time::Duration};
use audit_core::{hash::Hash32, work::Level};
use pool_core::{*, node::*, rig::{self, RigConfig}};
use tokio_util::sync::CancellationToken;
#[tokio::test(flavor = "multi_thread")]
async fn byhand() {
    let url = std::env::var("BYHAND").unwrap();
    let want: usize = std::env::var("WANT").unwrap().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let node = Arc::new(CoreNode::new(vec![CoreEndpoint::parse(&url).unwrap()]).unwrap());
    println!("{:?} {:?} {:?}", node.chain().await, node.tip().await, node.block_hash_at(1000000).await);
    println!("{:?}", node.template(None).await);
    println!("{:?} {:?}", node.fee_estimate(6).await, node.broadcast(&[1,2,3]).await);
    let config = PoolConfig { coinbase_tag: b"/test/".to_vec(), payout_script: vec![0x51], first_level: Level::new(-14).unwrap(), min_level: Level::new(-20).unwrap(), shares_per_minute: 600, grace: Duration::from_secs(3), pseudonym_key: [0;32], journal_dir: folder.path().join("j"), blocks_dir: folder.path().join("b"), limits: Limits::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (pool, mut events) = Pool::start(config, node.clone(), vec![listener], stop.clone()).await.unwrap();
    pool.open_epoch(EpochStart { epoch: 1, start_ms: 1, origin: "x".into(), tree_size: 1, root: Hash32([0;32]) }).await.unwrap();
    let rig = tokio::spawn(rig::run(RigConfig { url: format!("stratum+tcp://{address}"), user: "a.b".into(), password: "x".into(), threads: 1, record: None }, stop.clone()));
    let started = std::time::Instant::now();
    let mut found = 0;
    while found < want { let event = events.recv().await.unwrap(); if let PoolEvent::BlockFound{..} = event { found += 1; } println!("{:?} {event:?} {:?}", started.elapsed(), pool.stats()); }
    while std::fs::read_dir(folder.path().join("b")).unwrap().filter(|e| e.as_ref().unwrap().path().extension().unwrap() == "block").count() > 0 { tokio::time::sleep(Duration::from_millis(50)).await; }
    println!("{:?}", node.tip().await);
    stop.cancel();
    println!("{:?}", rig.await);
    let material = { let m = audit_core::seal::seal; m };
    pool.join().await;
    let _ = material;
    for e in std::fs::read_dir(folder.path().join("b")).unwrap().take(3) { println!("{:?}", e.unwrap().file_name()); }
    println!("MH/s {}", rig::measure(0..20_000_000) / 1e6);
}
