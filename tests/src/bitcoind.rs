//! A throw-away Bitcoin Core node.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use anyhow::{Context, bail};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Block, Transaction};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::poll::{SOON, until};
use crate::programs;

/// A network that nobody else is on.
#[derive(Clone, Copy)]
pub enum Network {
    /// Nearly every hash is a block.
    Regtest,
    /// About 4.9 million hashes are a block; the challenge 51 (OP_TRUE) asks for no block signature.
    Signet,
}

/// A running node; it is killed when this value is dropped.
pub struct Bitcoind {
    child: Child,
    folder: TempDir,
    network: Network,
    port: u16,
    client: reqwest::Client,
}

impl Bitcoind {
    /// Starts a node with an empty chain and returns when it answers.
    pub async fn start(network: Network) -> anyhow::Result<Bitcoind> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(programs::bitcoind()?);
        command.args(network.flags()).arg(format!("-datadir={}", folder.path().display()));
        command.args([format!("-rpcport={port}"), "-rpcbind=127.0.0.1".into(), "-rpcallowip=127.0.0.1".into()]);
        // No peers, no name look-ups, nothing listening but RPC.
        command.args(["-listen=0", "-connect=0", "-dnsseed=0", "-fixedseeds=0", "-server=1", "-printtoconsole=0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let child = command.spawn().context("can't start bitcoind")?;
        let mut node = Bitcoind { child, folder, network, port, client: reqwest::Client::new() };
        until("bitcoind to answer", SOON, async || {
            if let Some(status) = node.child.try_wait()? {
                bail!("bitcoind ended with {status}");
            }
            Ok(node.rpc("getblockcount", json!([])).await.ok())
        })
        .await?;
        Ok(node)
    }

    /// The node's URL with user and password of its cookie.
    pub fn url(&self) -> anyhow::Result<String> {
        let path = self.folder.path().join(self.network.folder()).join(".cookie");
        let cookie = fs::read_to_string(&path).with_context(|| format!("no cookie {}", path.display()))?;
        Ok(format!("http://{}@127.0.0.1:{}", cookie.trim(), self.port))
    }

    /// Blocks after the genesis block.
    pub async fn height(&self) -> anyhow::Result<u64> {
        self.rpc("getblockcount", json!([])).await?.as_u64().context("getblockcount answered no number")
    }

    /// Hash of the best block.
    pub async fn best_block(&self) -> anyhow::Result<String> {
        let best = self.rpc("getbestblockhash", json!([])).await?;
        Ok(best.as_str().context("getbestblockhash answered no text")?.to_owned())
    }

    /// Mines blocks on regtest with all that waits.
    pub async fn mine(&self, count: u64, address: &str) -> anyhow::Result<()> {
        self.rpc("generatetoaddress", json!([count, address])).await.map(drop)
    }

    /// The coinbase of the block at a height.
    pub async fn coinbase(&self, height: u64) -> anyhow::Result<Transaction> {
        let hash = self.rpc("getblockhash", json!([height])).await?;
        let block = self.rpc("getblock", json!([hash, 0])).await?;
        let block: Block = deserialize_hex(block.as_str().context("getblock answered no text")?)?;
        block.txdata.into_iter().next().context("a block without a coinbase")
    }

    /// Throws away the newest blocks on regtest and puts one more, without transactions, in their place.
    pub async fn reorganise(&self, depth: u64, address: &str) -> anyhow::Result<()> {
        let first = self.rpc("getblockhash", json!([self.height().await? + 1 - depth])).await?;
        self.rpc("invalidateblock", json!([first])).await?;
        for _ in 0..=depth {
            self.rpc("generateblock", json!([address, []])).await?;
        }
        Ok(())
    }

    /// Kills the node, at whatever it is doing.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Calls a method of the node.
    pub async fn rpc(&self, method: &str, parameters: Value) -> anyhow::Result<Value> {
        let request = json!({ "jsonrpc": "1.0", "id": "tests", "method": method, "params": parameters });
        let response = self.client.post(self.url()?).json(&request).send().await?;
        let mut answer: Value = response.json().await.with_context(|| format!("{method} did not answer JSON"))?;
        if !answer["error"].is_null() {
            bail!("{method}: {}", answer["error"]);
        }
        Ok(answer["result"].take())
    }
}

impl Network {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Network::Regtest => &["-regtest"],
            Network::Signet => &["-signet", "-signetchallenge=51"],
        }
    }

    /// Where Bitcoin Core keeps this network's files in its data folder.
    fn folder(self) -> &'static str {
        self.name()
    }

    /// As in the server's `--network`.
    pub fn name(self) -> &'static str {
        match self {
            Network::Regtest => "regtest",
            Network::Signet => "signet",
        }
    }
}

/// A port that was free a moment ago: bitcoind can't choose one itself.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
