//! Rigs behind TLS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    client::Client,
    test_pool::{NO_BLOCKS, TestPool},
};

async fn connect(pool: &TestPool) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(pool.certificate.clone().into()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let stream = TcpStream::connect(pool.tls).await.unwrap();
    let name = ServerName::try_from("pool.test").unwrap();
    TlsConnector::from(Arc::new(config.with_no_client_auth())).connect(name, stream).await.unwrap()
}

/// Where a miner that knows no TLS is carried through it.
async fn tunnel(pool: &TestPool) -> SocketAddr {
    let mut secured = connect(pool).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut plain, _) = listener.accept().await.unwrap();
        // However it ends, the miner sees it.
        let _ = copy_bidirectional(&mut plain, &mut secured).await;
    });
    address
}

#[tokio::test]
async fn a_share_that_comes_through_tls_is_accepted() {
    let pool = TestPool::start().await;
    let mut miner = Client::connect(tunnel(&pool).await).await;
    miner.introduce("lot.rig").await;
    let job = miner.job().await;
    for extranonce2 in 0..5 {
        miner.submit_accepted(&miner.mine(&job, extranonce2, None)).await;
    }
    assert_eq!(pool.pool.close_epoch(1).await.unwrap().shares.len(), 5);
    pool.stop().await;
}

#[tokio::test]
async fn more_than_a_record_in_each_direction_arrives_whole() {
    let pool = TestPool::start().await;
    let mut miner = Client::connect(tunnel(&pool).await).await;
    let padding = "x".repeat(8_000);
    for id in 0..50 {
        miner.send(&json!({"id": id, "method": "mining.ping", "padding": padding}).to_string()).await;
    }
    for id in 0..50 {
        assert_eq!(miner.message().await.unwrap()["id"], id);
    }
    pool.stop().await;
}

#[tokio::test]
async fn the_end_of_a_session_is_the_end_of_its_tls() {
    let pool = TestPool::start().await;
    let mut secured = connect(&pool).await;
    secured.write_all(&vec![b'x'; 1 << 20]).await.unwrap();
    let mut told = String::new();
    // A clean end: rustls takes a missing close_notify for an error.
    secured.read_to_string(&mut told).await.unwrap();
    assert!(told.contains("Line longer than 16384 bytes"), "{told}");
    pool.stop().await;
}

#[tokio::test]
async fn who_speaks_no_tls_on_its_port_is_dropped_and_holds_up_nobody() {
    let impatient = |config: &mut pool_core::PoolConfig| config.limits.unauthorized = Duration::from_millis(300);
    let pool = TestPool::with(NO_BLOCKS, impatient).await;
    let mut plain = TcpStream::connect(pool.tls).await.unwrap();
    plain.write_all(b"{\"id\":1,\"method\":\"mining.subscribe\"}\n").await.unwrap();
    let mut silent = TcpStream::connect(pool.tls).await.unwrap();
    let mut miner = Client::connect(tunnel(&pool).await).await;
    miner.introduce("lot.rig").await;
    miner.job().await;
    let mut answer = Vec::new();
    // Reset or closed: both are an end.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.contains(&b'{'), "no word of Stratum outside TLS");
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
    pool.stop().await;
}
