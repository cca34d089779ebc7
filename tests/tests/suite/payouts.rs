//! Payouts on a real Bitcoin Core, with kills at random moments and reorganisations: nothing is paid twice, nothing is lost.

use std::time::Duration;

use anyhow::{Context, ensure};
use audit_core::entry::Entry;
use serde_json::{Value, json};
use tests::api::REGTEST_ADDRESS;
use tests::auditor::{Audit, write_policy};
use tests::bitcoind::{Bitcoind, Network};
use tests::evidence::Log;
use tests::play::Buyer;
use tests::poll::{MINED, until};
use tests::random::Random;
use tests::server::{Plan, Server};
use tests::stratum::Session;
use tests::{figure, payout_key};

const KILLS: u64 = 50;
/// Every so many kills the chain is reorganised, by one block more each time, up to [`DEEPEST`].
const KILLS_PER_REORG: u64 = 5;
const DEEPEST: u64 = 6;
const THRESHOLD_SATS: u64 = 1_000;
/// BIP 32's first test vector, for test networks: buyers' addresses.
const BUYERS: &str = "wpkh(tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m/1/*)";
const BUYER_COUNT: usize = 4;

/// A server that mines and pays on a node, and its buyers with their addresses.
struct Paying {
    // Dropped in this order: programs before their files.
    server: Server,
    node: Bitcoind,
    buyers: Vec<(Buyer, String)>,
    /// Where other miners are paid; each of them takes over at a reorganisation.
    others: Vec<String>,
    folder: tempfile::TempDir,
}

impl Paying {
    async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let node = Bitcoind::start(Network::Regtest).await?;
        let mut plan = Plan::bitcoin_core(folder.path(), "regtest", &node.url()?, REGTEST_ADDRESS)
            .with_flag(&payout_key::flag(folder.path())?)
            .with_flag("--payout-ms=1000")
            .with_flag(&format!("--payout-threshold-sats={THRESHOLD_SATS}"))
            .with_flag("--payout-day-limit-sats=2100000000000000");
        for flag in flags {
            plan = plan.with_flag(flag);
        }
        let server = Server::start(plan).await?;
        let mut addresses = addresses(&node).await?;
        let others = addresses.split_off(BUYER_COUNT);
        let mut buyers = Vec::new();
        for (number, address) in addresses.into_iter().enumerate() {
            let buyer = Buyer::paid_to(&server, &format!("buyer{number}@example.org"), &address).await?;
            buyers.push((buyer, address));
        }
        Ok(Self { server, node, buyers, others, folder })
    }

    /// A block of ours.
    async fn mine(&self) -> anyhow::Result<()> {
        Session::open(self.server.stratum(), "test.worker").await?.mine_block().await
    }

    /// Blocks of other miners.
    async fn grow(&self, blocks: u64) -> anyhow::Result<()> {
        let miner = self.others.last().context("another miner")?;
        self.node.rpc("generatetoaddress", json!([blocks, miner])).await.map(drop)
    }

    /// Replaces the newest blocks by another miner's and one more: the same one might find the very same blocks again.
    async fn reorganise(&mut self, depth: u64) -> anyhow::Result<()> {
        self.others.pop();
        let height = self.node.height().await?;
        let first = self.node.rpc("getblockhash", json!([height + 1 - depth])).await?;
        self.node.rpc("invalidateblock", json!([first])).await?;
        self.grow(depth + 1).await
    }

    async fn payouts(&self) -> anyhow::Result<Vec<Value>> {
        let mut payouts = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Value = self.server.operator()?.get(&format!("admin/payouts?limit=200{cursor}")).await?;
            payouts.extend(page["items"].as_array().context("a page")?.iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return Ok(payouts) };
            cursor = format!("&cursor={next}");
        }
    }

    /// Lets blocks pass until everything that is owed is paid and logged.
    async fn settle(&self) -> anyhow::Result<()> {
        until("every payout to be logged", MINED, async || {
            self.grow(1).await?;
            for (buyer, _) in &self.buyers {
                if buyer.api.contract_unpaid(&buyer.contract.id).await? >= THRESHOLD_SATS {
                    return Ok(None);
                }
            }
            let open = self.payouts().await?.iter().any(|payout| payout["state"] != "logged");
            Ok((!open).then_some(()))
        })
        .await
    }

    /// What an address has on the chain: its owner spends nothing.
    async fn received(&self, address: &str) -> anyhow::Result<u64> {
        let found = self.node.rpc("scantxoutset", json!(["start", [format!("addr({address})")]])).await?;
        let amount = found["total_amount"].as_f64().context("an amount")?;
        Ok((amount * 1e8).round() as u64)
    }

    /// On the chain is exactly what was credited, less what is still owed, for every buyer; and the auditor agrees.
    async fn check(&self) -> anyhow::Result<u64> {
        let policy = write_policy(self.folder.path(), &self.server.api().status().await?.log_vkey)?;
        let mut paid = 0;
        for (buyer, address) in &self.buyers {
            let contract = buyer.api.contract(&buyer.contract.id).await?;
            let unpaid = buyer.api.contract_unpaid(&buyer.contract.id).await?;
            let received = self.received(address).await?;
            ensure!(received > 0, "{address} was paid nothing");
            assert_eq!(received + unpaid, contract.credited_sats, "credits of {address}");
            paid += received;
            let receipt = buyer.save_receipt(self.folder.path())?;
            let report = Audit::of(self.server.url())?.policy(&policy).receipt(&receipt).run()?.held()?;
            for check in ["payout.mine", "liab.sum", "settle.mine"] {
                assert_eq!(report.outcome(check), "held", "{check}");
            }
        }
        Ok(paid)
    }
}

/// One for each buyer, and for as many other miners as take over.
async fn addresses(node: &Bitcoind) -> anyhow::Result<Vec<String>> {
    let described = node.rpc("getdescriptorinfo", json!([BUYERS])).await?;
    let derived = node
        .rpc("deriveaddresses", json!([described["descriptor"], [0, BUYER_COUNT as u64 + KILLS / KILLS_PER_REORG]]))
        .await?;
    Ok(serde_json::from_value(derived)?)
}

#[tokio::test]
async fn fifty_kills_and_reorganisations_neither_lose_nor_repeat_a_payment() -> anyhow::Result<()> {
    let mut random = Random::printed("moments of kills while paying");
    let mut paying = Paying::start(&[]).await?;
    until("blocks of epochs that the contracts are in", MINED, async || {
        paying.mine().await?;
        let (buyer, _) = paying.buyers.first().context("a buyer")?;
        Ok((buyer.api.contract(&buyer.contract.id).await?.work.get() > 0).then_some(()))
    })
    .await?;
    paying.grow(101).await?;
    until("a first payout", MINED, async || Ok((!paying.payouts().await?.is_empty()).then_some(()))).await?;
    let mut reorgs = 0;
    for kill in 1..=KILLS {
        paying.mine().await?;
        paying.grow(10).await?;
        if kill % KILLS_PER_REORG == 0 {
            paying.reorganise(1 + reorgs % DEEPEST).await?;
            reorgs += 1;
        }
        // A random moment is what this test is about; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(random.below(3_000))).await;
        paying.server.kill().await?;
        paying.server.restart().await?;
    }
    paying.grow(110).await?;
    paying.settle().await?;
    let paid_sats = paying.check().await?;
    let log = Log::download(&paying.server.api()).await?;
    let payouts = log.entries.iter().filter(|entry| matches!(entry, Entry::Payout(_))).count();
    ensure!(payouts > 5, "only {payouts} payouts: too few to mean anything");
    figure::print(
        "payout_kills",
        json!({ "kills": KILLS, "reorgs": reorgs, "payouts": payouts, "paid_sats": paid_sats, "lost": 0, "doubled": 0 }),
    );
    paying.server.stop().await
}
