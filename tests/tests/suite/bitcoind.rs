//! Blocks found through our Stratum port, judged by Bitcoin Core.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::Context;
use audit_core::entry::Entry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::api::{REGTEST_ADDRESS, SIGNET_ADDRESS};
use tests::auditor::{Audit, write_policy};
use tests::bitcoind::{Bitcoind, Network};
use tests::evidence::Log;
use tests::figure;
use tests::play::Buyer;
use tests::poll::{MINED, SOON, until};
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tests::stratum::Session;

/// Blocks by network; printed together once both tests are done.
static BLOCKS: Mutex<Vec<(&str, u64)>> = Mutex::new(Vec::new());

/// A server that mines on a node of Bitcoin Core, and a buyer.
struct Mined {
    // Dropped in this order: programs before their files.
    server: Server,
    node: Bitcoind,
    buyer: Buyer,
    folder: TempDir,
}

impl Mined {
    async fn start(network: Network, address: &str) -> anyhow::Result<Mined> {
        let folder = tempfile::tempdir()?;
        let node = Bitcoind::start(network).await?;
        let plan = Plan::bitcoin_core(folder.path(), network.name(), &node.url()?, address);
        let server = Server::start(plan).await?;
        let buyer = Buyer::paid_to(&server, "buyer@example.org", address).await?;
        Ok(Mined { server, node, buyer, folder })
    }

    /// Waits until every block of the node's chain is in the log, then lets the auditor verify all of it.
    async fn verify(mut self, network: Network) -> anyhow::Result<()> {
        // Submissions may be under way yet, so the height is asked for anew each time.
        let height = until("every block of Bitcoin Core to be in the log", MINED, async || {
            let height = self.node.height().await?;
            let log = Log::download(&self.server.api()).await?;
            Ok(is_in_log(&self.node, height, &log).await?.then_some(height))
        })
        .await?;
        let path = self.folder.path();
        let policy = write_policy(path, &self.server.api().status().await?.log_vkey)?;
        let (bundle, receipt) = (path.join("bundle"), self.buyer.save_receipt(path)?);
        Audit::of(self.server.url())?.policy(&policy).receipt(&receipt).save(&bundle).run()?.held()?;
        Audit::of(&bundle)?.policy(&policy).receipt(&receipt).run()?.held()?;
        print_figure(network, height);
        self.server.stop().await
    }
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

/// Every second hash is a block here, so one is mined at a time: a free-running rig finds thousands of siblings on each
/// tip. Goes on until blocks have matured in Bitcoin Core and the contract is credited.
#[tokio::test]
async fn bitcoin_core_accepts_and_matures_our_blocks_on_regtest() -> anyhow::Result<()> {
    let mined = Mined::start(Network::Regtest, REGTEST_ADDRESS).await?;
    let mut worker = Session::open(mined.server.stratum(), "test.worker").await?;
    until("a credit for blocks of Bitcoin Core", MINED, async || {
        worker.mine_block().await?;
        let contract = mined.buyer.api.contract(&mined.buyer.contract.id).await?;
        Ok((contract.credited_sats > 0).then_some(()))
    })
    .await?;
    mined.verify(Network::Regtest).await
}

/// Two nodes that know nothing of each other: whatever both have, they have from the server.
#[tokio::test]
async fn every_node_of_bitcoin_core_gets_our_blocks_and_one_may_die() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut first, second) = (Bitcoind::start(Network::Regtest).await?, Bitcoind::start(Network::Regtest).await?);
    let urls = format!("{},{}", first.url()?, second.url()?);
    let plan = Plan::bitcoin_core(folder.path(), Network::Regtest.name(), &urls, REGTEST_ADDRESS);
    let mut server = Server::start(plan).await?;
    let mut worker = Session::open(server.stratum(), "test.worker").await?;
    for _ in 0..3 {
        worker.mine_block().await?;
    }
    until("both nodes to be on one chain of ours", SOON, async || {
        let tips = (first.best_block().await?, second.best_block().await?);
        Ok((tips.0 == tips.1 && second.height().await? >= 3).then_some(()))
    })
    .await?;
    first.kill().await?;
    let height = second.height().await?;
    for _ in 0..3 {
        worker.mine_block().await?;
    }
    until("blocks on the node that is left", SOON, async || Ok((second.height().await? >= height + 3).then_some(())))
        .await?;
    server.stop().await
}

/// A block is about five million hashes here: shares and blocks in a ratio as on a real network, from a real rig.
#[tokio::test]
async fn bitcoin_core_accepts_our_rigs_blocks_on_a_private_signet() -> anyhow::Result<()> {
    let mined = Mined::start(Network::Signet, SIGNET_ADDRESS).await?;
    let mut rig = Rig::start(mined.server.stratum(), "test.rig", mined.folder.path())?;
    until("blocks in Bitcoin Core", MINED, async || Ok((mined.node.height().await? >= 3).then_some(()))).await?;
    rig.stop().await?;
    mined.verify(Network::Signet).await
}
