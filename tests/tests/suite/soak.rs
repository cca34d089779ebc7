//! What a pool on the open net sees in an hour, in half a minute: most connections never mine, the others come and go. What
//! the server holds afterwards must be what it held before.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::figure;
use tests::measure::memory_of;
use tests::poll::{SOON, until};
use tests::server::{Plan, Server};
use tests::stratum::{Lines, Session};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Rounds that fill caches, pools of connections and the allocator's heaps.
const WARM: usize = 3;
const ROUNDS: usize = 9;
/// Connections of each kind in a round.
const CONNECTIONS: usize = 100;
/// Growth that is no leak: what 4,096 remembered subscriptions take, and an allocator that keeps what it has.
const GROWTH_KIB: u64 = 24 << 10;
/// Files that may be open by chance: connections of the database's pool, an epoch that is being sealed.
const MORE_FILES: usize = 12;
/// Threads that may run by chance: one for each of these connections to SQLite, and the runtime's for work that blocks.
const MORE_THREADS: usize = 12;

/// What a process holds.
#[derive(Debug)]
struct Held {
    files: usize,
    threads: usize,
    resident_kib: u64,
}

impl Held {
    fn of(pid: u32) -> anyhow::Result<Held> {
        let count = |folder: &str| Ok::<_, anyhow::Error>(fs::read_dir(format!("/proc/{pid}/{folder}"))?.count());
        Ok(Held { files: count("fd")?, threads: count("task")?, resident_kib: memory_of(pid)? / 1_024 })
    }
}

/// Connects and hangs up.
async fn look_in(address: SocketAddr) -> anyhow::Result<()> {
    TcpStream::connect(address).await?;
    Ok(())
}

/// Sends what is no Stratum until it is sent away.
async fn misunderstand(address: SocketAddr) -> anyhow::Result<()> {
    let mut lines = Lines::connect(address).await?;
    while lines.send(&json!([0, "no object"])).await.is_ok() && lines.receive().await.is_ok() {}
    Ok(())
}

/// Subscribes, leaves, and comes back for the subscription.
async fn come_back(address: SocketAddr) -> anyhow::Result<()> {
    let mut resume = Value::Null;
    for _ in 0..2 {
        let mut lines = Lines::connect(address).await?;
        lines.send(&json!({"id": 1, "method": "mining.subscribe", "params": ["soak", resume]})).await?;
        resume = lines.receive().await?["result"][0][0][1].clone();
        ensure!(resume.is_string(), "no subscription");
    }
    Ok(())
}

/// Logs in and submits, mostly what is no share.
async fn submit(address: SocketAddr) -> anyhow::Result<()> {
    let mut session = Session::open(address, "soak.rig").await?;
    for _ in 0..20 {
        session.submit_next().await?;
    }
    Ok(())
}

/// Everybody at once, until all have left.
async fn round(server: &Server) -> anyhow::Result<()> {
    let (address, mut tasks) = (server.stratum(), JoinSet::new());
    for _ in 0..CONNECTIONS {
        tasks.spawn(look_in(address));
        tasks.spawn(misunderstand(address));
        tasks.spawn(come_back(address));
        tasks.spawn(submit(address));
    }
    for done in tasks.join_all().await {
        done?;
    }
    until("the last session's end", SOON, async || {
        let metrics = server.api().evidence("metrics").await?.context("no metrics")?;
        Ok(String::from_utf8(metrics)?.contains("\nprovenhash_sessions 0\n").then_some(()))
    })
    .await
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(Plan::embedded(folder.path())).await?;
    for _ in 0..WARM {
        round(&server).await?;
    }
    let before = Held::of(server.pid()?)?;
    for _ in 0..ROUNDS {
        round(&server).await?;
    }
    let after = Held::of(server.pid()?)?;
    let connections = (ROUNDS * CONNECTIONS * 5) as u64;
    figure::print(
        "soak",
        json!({ "connections": connections, "grown_kib": after.resident_kib as i64 - before.resident_kib as i64 }),
    );
    ensure!(after.threads <= before.threads + MORE_THREADS, "threads: {before:?}, then {after:?}");
    ensure!(after.files <= before.files + MORE_FILES, "open files: {before:?}, then {after:?}");
    ensure!(after.resident_kib <= before.resident_kib + GROWTH_KIB, "memory: {before:?}, then {after:?}");
    Ok(())
}
