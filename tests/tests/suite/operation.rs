//! What an operator relies on: an end in order, an end at once, and program logs that can be read.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use audit_core::hash::BlockHash;
use serde_json::{Value, json};
use tests::api::Api;
use tests::evidence::{self, Log};
use tests::figure;
use tests::poll::{MINED, SOON, until};
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STOPS: usize = 3;
/// Longer than the web server waits for requests in progress.
const IN_ORDER: Duration = Duration::from_secs(15);
/// Difficulty 1: no rig finds a block here.
const NO_BLOCKS: &str = "--embedded-nbits=1d00ffff";

#[tokio::test]
async fn a_server_that_is_told_to_stop_under_load_loses_no_acknowledged_share() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(Plan::embedded(folder.path())).await?;
    let mut rigs = [
        Rig::start(server.stratum(), "first.rig", folder.path())?,
        Rig::start(server.stratum(), "second.rig", folder.path())?,
    ];
    let mut longest = Duration::ZERO;
    for stop in 1..=STOPS {
        until("shares", MINED, async || Ok((acknowledged(&rigs)?.len() >= stop * 50).then_some(()))).await?;
        let started = Instant::now();
        server.stop().await?;
        longest = longest.max(started.elapsed());
        server.restart().await?;
    }
    for rig in &mut rigs {
        rig.stop().await?;
    }
    let acknowledged = acknowledged(&rigs)?;
    let last_epoch = server.api().status().await?.epoch.context("no epoch is open")?;
    let missing = until("the last epoch to be sealed", MINED, async || {
        let log = Log::download(&server.api()).await?;
        let sealed = evidence::sealed_hashes(&server.api(), &log).await?;
        Ok((log.sealed().len() as u64 > last_epoch).then(|| acknowledged.difference(&sealed).count()))
    })
    .await?;
    assert_eq!(missing, 0, "acknowledged shares that are not in the sealed evidence");
    ensure!(longest < IN_ORDER, "stopping took {longest:?}");
    figure::print(
        "stops",
        json!({ "stops": STOPS, "acknowledged_shares": acknowledged.len(), "missing_shares": missing,
                "longest_ms": longest.as_millis() }),
    );
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(Plan::embedded(folder.path())).await?;
    // A request that never ends holds up the end in order for seconds, once the server has begun to read it.
    let mut request = TcpStream::connect(server.http()).await?;
    let head = "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n";
    request.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    request.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 100");
    server.terminate()?;
    until("the first signal to be heard", SOON, async || Ok(server.log().contains("stopping").then_some(()))).await?;
    server.terminate()?;
    let started = Instant::now();
    assert_eq!(server.ended().await?.code(), Some(143));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn program_logs_are_json_and_do_not_grow_with_shares() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan::embedded(folder.path()).with_flag("--log-format=json").with_flag(NO_BLOCKS);
    let plan = plan.with_flag("--epoch-ms=3600000").with_flag("--first-level=-24").with_flag("--min-level=-24");
    let server = Server::start(plan.with_flag("--shares-per-minute=60000")).await?;
    let mut rig = Rig::start(server.stratum(), "only.rig", folder.path())?;
    let shares = async |at_least| {
        until("shares", MINED, async || Ok((accepted(&server.api()).await? >= at_least).then_some(()))).await
    };
    shares(100).await?;
    let before = server.log();
    shares(2_000).await?;
    let after = server.log();
    rig.stop().await?;
    for line in after.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        ensure!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    assert_eq!(after.lines().count(), before.lines().count(), "{after}");
    Ok(())
}

fn acknowledged(rigs: &[Rig]) -> anyhow::Result<BTreeSet<BlockHash>> {
    let mut hashes = BTreeSet::new();
    for rig in rigs {
        hashes.extend(rig.acknowledged()?);
    }
    Ok(hashes)
}

/// Shares that the server counts as acknowledged.
async fn accepted(api: &Api) -> anyhow::Result<u64> {
    let metrics = api.evidence("metrics").await?.context("no metrics")?;
    let metrics = String::from_utf8(metrics)?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("provenhash_pool_shares_accepted_total "));
    Ok(line.context("no count of shares")?.parse()?)
}
