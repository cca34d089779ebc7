//! The pool, its node, its buyers, and what happens to them from outside: blocks of others, reorganisations, kills.

use std::time::Duration;

use anyhow::{Context, ensure};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, ScriptBuf, Transaction};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::api::REGTEST_ADDRESS;
use tests::bitcoind::{Bitcoind, Network};
use tests::payout_key;
use tests::random::Random;
use tests::server::{Plan, Server};
use tests::wallet::Wallet;

use super::orders::Customer;

/// Public key of BIP 32's first test vector, as regtest writes it.
const RECEIVE: &str = "wpkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/*)";
/// What is owed to one script and is less than this waits.
pub(super) const THRESHOLD_SATS: u64 = 1_000;
/// What is paid by time is credited after so many epochs.
pub(super) const ACCRUAL_EPOCHS: u64 = 3;
const FLAGS: &[&str] = &[
    "--epoch-ms=3000",
    "--confirmations=2",
    "--payments-every-ms=200",
    "--payout-ms=1000",
    "--payout-day-limit-sats=2100000000000000",
];
/// One coin of the buyers' wallet for each payment, so that none waits for another.
const COINS: u64 = 30;
/// FPPS counts the fees of the last 144 blocks, ten below the tip; from height 150 on regtest's subsidy is half.
const BLOCKS_BEFORE: u64 = 170;
/// What buyers' transactions before the sale pay to miners: some thousandths of the subsidies.
const RICH_FEES: [u64; 5] = [500_000_000; 5];
/// A kill comes within this time.
const KILL_WITHIN_MS: u64 = 2_000;

/// The pool and everybody around it.
pub(super) struct Market {
    // Dropped in this order: programs before their files.
    pub server: Server,
    pub node: Bitcoind,
    pub wallet: Wallet,
    pub customers: Vec<Customer>,
    pub kills: u64,
    pub reorgs: u64,
    random: Random,
    pub folder: TempDir,
}

impl Market {
    /// A chain whose blocks paid fees lately, and a server on it.
    pub(super) async fn open(database: Option<&str>) -> anyhow::Result<Self> {
        let random = Random::printed("moments of kills while money moves");
        let folder = tempfile::tempdir()?;
        let node = Bitcoind::start(Network::Regtest).await?;
        let wallet = endow(&node).await?;
        let server = Server::start(plan(&folder, &node, database)?.with_flag("--reservation-ms=1000")).await?;
        Ok(Self { server, node, wallet, customers: Vec::new(), kills: 0, reorgs: 0, random, folder })
    }

    /// From now on units are kept for a day without a payment.
    pub(super) async fn keep_reservations(&mut self) -> anyhow::Result<()> {
        self.server.stop().await?;
        self.server.restart_with("--reservation-ms=86400000").await
    }

    /// Blocks of other miners.
    pub(super) async fn grow(&self, blocks: u64) -> anyhow::Result<()> {
        self.node.mine(blocks, &other_miner(0)?).await
    }

    /// Another miner's blocks without any transaction take the place of the newest.
    pub(super) async fn reorganise(&mut self, depth: u64) -> anyhow::Result<()> {
        self.reorgs += 1;
        self.node.reorganise(depth, &other_miner(self.reorgs)?).await
    }

    /// Kills the server at a random moment, holds its book against its log as the crash left both, and starts it again.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        self.kill_while_mining(0).await
    }

    /// The same while blocks are mined, as many as are found until then.
    pub(super) async fn kill_while_mining(&mut self, blocks: u64) -> anyhow::Result<()> {
        let moment = Duration::from_millis(self.random.below(KILL_WITHIN_MS));
        // A random moment is what this is about; nothing waits for it.
        let (mined, ()) = tokio::join!(tokio::time::timeout(moment, self.mine(blocks)), tokio::time::sleep(moment));
        mined.unwrap_or(Ok(()))?;
        self.server.kill().await?;
        self.kills += 1;
        let books = self.server.check_books()?;
        ensure!(books.held, "after kill {}: {}", self.kills, books.said);
        self.server.restart().await
    }

    /// Hands a transaction to the network.
    pub(super) async fn hand_in(&self, transaction: &Transaction) -> anyhow::Result<()> {
        hand_in(&self.node, transaction).await
    }

    /// Every output that is unspent on the chain and pays one of these addresses.
    pub(super) async fn unspent(&self, addresses: &[String]) -> anyhow::Result<Vec<Output>> {
        let wanted: Vec<String> = addresses.iter().map(|address| format!("addr({address})")).collect();
        let found = self.node.rpc("scantxoutset", json!(["start", wanted])).await?;
        found["unspents"].as_array().context("a list of outputs")?.iter().map(Output::of).collect()
    }
}

/// An output on the chain.
pub(super) struct Output {
    pub address: String,
    pub txid: String,
    pub sats: u64,
}

impl Output {
    fn of(unspent: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| unspent[name].as_str().context("an output's field");
        let script = ScriptBuf::from_hex(text("scriptPubKey")?)?;
        Ok(Self {
            address: Address::from_script(&script, bitcoin::Network::Regtest)?.to_string(),
            txid: text("txid")?.to_owned(),
            sats: (unspent["amount"].as_f64().context("an amount")? * 1e8).round() as u64,
        })
    }
}

/// A wallet with coins to spend, on a chain on which it has paid fees.
async fn endow(node: &Bitcoind) -> anyhow::Result<Wallet> {
    let mut wallet = Wallet::empty()?;
    let own = wallet.address().to_string();
    node.mine(COINS, &own).await?;
    node.mine(100, &other_miner(0)?).await?;
    for height in 1..=COINS {
        wallet.receive(&node.coinbase(height).await?);
    }
    for fee in RICH_FEES {
        hand_in(node, &wallet.pay_with_fee(&own, 1_000_000, fee)?).await?;
    }
    node.mine(BLOCKS_BEFORE - COINS - 100, &other_miner(0)?).await?;
    Ok(wallet)
}

/// Whatever it pays in fees.
async fn hand_in(node: &Bitcoind, transaction: &Transaction) -> anyhow::Result<()> {
    node.rpc("sendrawtransaction", json!([serialize_hex(transaction), 0])).await.map(drop)
}

fn plan(folder: &TempDir, node: &Bitcoind, database: Option<&str>) -> anyhow::Result<Plan> {
    let mut plan = Plan::bitcoin_core(folder.path(), "regtest", &node.url()?, REGTEST_ADDRESS)
        .with_flag(&format!("--receive-descriptor={RECEIVE}"))
        .with_flag(&payout_key::flag(folder.path())?)
        .with_flag(&format!("--accrual-epochs={ACCRUAL_EPOCHS}"))
        .with_flag(&format!("--payout-threshold-sats={THRESHOLD_SATS}"));
    for flag in FLAGS {
        plan = plan.with_flag(flag);
    }
    Ok(match database {
        Some(url) => plan.with_database(url),
        None => plan,
    })
}

/// A new one takes over at each reorganisation: the same one might find the very same blocks again.
fn other_miner(number: u64) -> anyhow::Result<String> {
    super::orders::address_of("wpkh", 1_000 + u32::try_from(number)?)
}
