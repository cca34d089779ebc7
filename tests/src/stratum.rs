//! A Stratum session that does one thing at a time: what a rig can't be told to do.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use audit_core::hash::{BlockHash, Hash32, sha256d};
use audit_core::header::Header;
use audit_core::job::fold_branch;
use audit_core::work::Nbits;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::poll::SOON;

/// Always zero here: the nonce alone has more than enough values.
const EXTRANONCE2: [u8; 8] = [0; 8];

/// A connected and authorised worker.
pub struct Session {
    lines: Lines,
    user: String,
    extranonce1: Vec<u8>,
    job: Option<Job>,
    nonce: u32,
}

/// Line-delimited JSON over TCP.
pub struct Lines(BufReader<TcpStream>);

/// What `mining.notify` hands out.
pub struct Job {
    id: String,
    /// Field by field as in `mining.notify`: previous hash, coinbase parts, branch, version, nbits, ntime.
    parameters: Value,
}

impl Session {
    /// Subscribes, authorises `user` and waits for the first job.
    pub async fn open(address: SocketAddr, user: &str) -> anyhow::Result<Session> {
        let lines = Lines::connect(address).await?;
        let mut session = Session { lines, user: user.to_owned(), extranonce1: Vec::new(), job: None, nonce: 0 };
        let subscribed = session.call(1, "mining.subscribe", json!(["tests"])).await?;
        let extranonce1 = subscribed["result"][1].as_str().context("subscribed without an extranonce1")?;
        session.extranonce1 = hex::decode(extranonce1)?;
        session.call(2, "mining.authorize", json!([user, "x"])).await?;
        while session.job.is_none() {
            session.read().await?;
        }
        Ok(session)
    }

    /// Submits the next nonce as it is; whether the pool accepted it.
    pub async fn submit_next(&mut self) -> anyhow::Result<bool> {
        self.nonce = self.nonce.wrapping_add(1);
        self.submit().await
    }

    /// Mines one block and waits until the pool hands out work on top of it.
    pub async fn mine_block(&mut self) -> anyhow::Result<()> {
        let mut accepted = false;
        while !accepted {
            self.find(true)?;
            // A refusal means that the epoch changed under us: there is a newer job to mine on.
            accepted = self.submit().await?;
        }
        let before = self.job()?.parameters[1].clone();
        while self.job()?.parameters[1] == before {
            self.read().await?;
        }
        Ok(())
    }

    /// Mines one share that is no block: on regtest it meets the easiest share target, and not the network's.
    pub async fn mine_share(&mut self) -> anyhow::Result<()> {
        let mut accepted = false;
        while !accepted {
            self.find(false)?;
            accepted = self.submit().await?;
        }
        Ok(())
    }

    /// Goes on to the next nonce whose hash is or is not a block.
    fn find(&mut self, block: bool) -> anyhow::Result<()> {
        let mut header = self.job()?.header(&self.extranonce1)?;
        let target = header.nbits.target().context("the job's nbits are no target")?;
        loop {
            self.nonce = self.nonce.wrapping_add(1);
            header.nonce = self.nonce;
            if target.is_met_by(&header.hash()) == block {
                return Ok(());
            }
        }
    }

    async fn submit(&mut self) -> anyhow::Result<bool> {
        let job = self.job()?;
        let nonce = format!("{:08x}", self.nonce);
        let share = json!([self.user, job.id, hex::encode(EXTRANONCE2), job.parameters[7], nonce]);
        Ok(self.call(3, "mining.submit", share).await?["error"].is_null())
    }

    fn job(&self) -> anyhow::Result<&Job> {
        self.job.as_ref().context("no job yet")
    }

    async fn call(&mut self, id: u64, method: &str, parameters: Value) -> anyhow::Result<Value> {
        self.lines.send(&json!({ "id": id, "method": method, "params": parameters })).await?;
        loop {
            let message = self.read().await?;
            if message["id"] == id {
                return Ok(message);
            }
        }
    }

    /// The next message; a notified job is taken on.
    async fn read(&mut self) -> anyhow::Result<Value> {
        let mut message = self.lines.receive().await?;
        if message["method"] == "mining.notify" {
            let parameters = message["params"].take();
            let id = parameters[0].as_str().context("a job without an id")?.to_owned();
            self.job = Some(Job { id, parameters });
        }
        Ok(message)
    }
}

impl Lines {
    /// Connects; small messages are sent at once.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Lines> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Lines(BufReader::new(stream)))
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        Ok(self.0.get_mut().write_all(format!("{message}\n").as_bytes()).await?)
    }

    /// The next message; an error if none comes in time.
    pub async fn receive(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        let read = tokio::time::timeout(SOON, self.0.read_line(&mut line)).await;
        if read.context("the pool is silent")?? == 0 {
            bail!("the server closed the connection");
        }
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))
    }
}

impl Job {
    /// The header that this job means, with nonce 0.
    fn header(&self, extranonce1: &[u8]) -> anyhow::Result<Header> {
        let coinbase = [&self.bytes(2)?, extranonce1, &EXTRANONCE2, &self.bytes(3)?].concat();
        let branch: Vec<Hash32> = serde_json::from_value(self.parameters[4].clone())?;
        Ok(Header {
            version: self.number(5)?,
            prevhash: BlockHash(self.prevhash()?),
            merkle_root: fold_branch(sha256d(&coinbase), &branch),
            ntime: self.number(7)?,
            nbits: Nbits::new(self.number(6)?),
            nonce: 0,
        })
    }

    /// Stratum sends the previous hash as eight byte-swapped words.
    fn prevhash(&self) -> anyhow::Result<[u8; 32]> {
        let mut bytes = self.bytes(1)?;
        bytes.chunks_mut(4).for_each(<[u8]>::reverse);
        bytes.try_into().ok().context("a hash has 32 bytes")
    }

    fn bytes(&self, index: usize) -> anyhow::Result<Vec<u8>> {
        Ok(hex::decode(self.parameters[index].as_str().context("a job's field is no text")?)?)
    }

    fn number(&self, index: usize) -> anyhow::Result<u32> {
        Ok(u32::from_str_radix(self.parameters[index].as_str().context("a job's field is no text")?, 16)?)
    }
}
