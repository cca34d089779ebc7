//! Blocks found through our Stratum port, judged by Bitcoin Core.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::Context;
use audit_core::entry::Entry;
use serde_json::{Value, json};
use tests::api::{REGTEST_ADDRESS, SIGNET_ADDRESS};
use tests::auditor::{Audit, write_policy};
use tests::bitcoind::{Bitcoind, Network};
use tests::evidence::Log;
use tests::figure;
use tests::play::Buyer;
use tests::poll::{MINED, until};
use tests::rig::Rig;
use tests::server::{Plan, Server};

/// Blocks by network; printed together once both tests are done.
static BLOCKS: Mutex<Vec<(&str, u64)>> = Mutex::new(Vec::new());

/// Mines on `network` until Bitcoin Core has `blocks` of ours and their epochs are sealed, then verifies everything.
async fn check(network: Network, address: &str, blocks: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let node = Bitcoind::start(network).await?;
    let plan = Plan::bitcoin_core(folder.path(), network.name(), &node.url()?, address);
    let mut server = Server::start(plan).await?;
    let mut rig = Rig::start(server.stratum(), "test.rig", folder.path())?;
    let buyer = Buyer::paid_to(&server, "buyer@example.org", address).await?;
    until("blocks in Bitcoin Core", MINED, async || Ok((node.height().await? >= blocks).then_some(()))).await?;
    rig.stop().await?;
    // Submissions may be under way yet, so the height is asked for anew each time.
    let height = until("every block of Bitcoin Core to be in the log", MINED, async || {
        let height = node.height().await?;
        let log = Log::download(&server.api()).await?;
        Ok(is_in_log(&node, height, &log).await?.then_some(height))
    })
    .await?;

    let policy = write_policy(folder.path(), &server.api().status().await?.log_vkey)?;
    let bundle = folder.path().join("bundle");
    let receipt = buyer.save_receipt(folder.path())?;
    Audit::of(server.url())?.policy(&policy).receipt(&receipt).save(&bundle).run()?.held()?;
    Audit::of(&bundle)?.policy(&policy).receipt(&receipt).run()?.held()?;
    print_figure(network, height);
    server.stop().await
}

/// Whether each block of the node's chain has its `block_found`: nobody else mines here.
async fn is_in_log(node: &Bitcoind, height: u64, log: &Log) -> anyhow::Result<bool> {
    let found = |entry: &Entry| if let Entry::BlockFound(block) = entry { Some(block.hash.to_string()) } else { None };
    let found: BTreeSet<String> = log.entries.iter().filter_map(found).collect();
    for height in 1..=height {
        let hash = node.rpc("getblockhash", json!([height])).await?;
        if !found.contains(hash.as_str().context("getblockhash answered no text")?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn print_figure(network: Network, height: u64) {
    let mut blocks = BLOCKS.lock().expect("no test panicked here");
    blocks.push((network.name(), height));
    if blocks.len() == 2 {
        let fields = blocks.iter().map(|(network, height)| (format!("{network}_blocks"), json!(height)));
        figure::print("bitcoin_core", Value::Object(fields.collect()));
    }
}

#[tokio::test]
async fn bitcoin_core_accepts_our_blocks_on_regtest() -> anyhow::Result<()> {
    check(Network::Regtest, REGTEST_ADDRESS, 20).await
}

#[tokio::test]
async fn bitcoin_core_accepts_our_blocks_on_a_private_signet() -> anyhow::Result<()> {
    check(Network::Signet, SIGNET_ADDRESS, 3).await
}
