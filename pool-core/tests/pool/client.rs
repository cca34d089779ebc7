//! A miner written from the protocol's description, sharing no code with pool or rig but SHA-256.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use audit_core::hash::sha256d;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::strict::Strict;

/// Nothing in these tests takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    notifications: VecDeque<Value>,
    next_id: u64,
    pub(crate) extranonce1: Vec<u8>,
    pub(crate) difficulty: f64,
    pub(crate) strict: Strict,
}

/// Top 64 bits of the target of nbits 207fffff.
const REGTEST_TOP_BITS: f64 = (0x7fff_ff00_0000_0000u64) as f64;

/// A job as `mining.notify` told it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) params: Vec<Value>,
    pub(crate) difficulty: f64,
    pub(crate) clean: bool,
}

/// What to submit.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) job: String,
    pub(crate) extranonce2: String,
    pub(crate) ntime: String,
    pub(crate) nonce: String,
    pub(crate) version_bits: Option<String>,
    /// Display order.
    pub(crate) hash: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let (notifications, extranonce1) = (VecDeque::new(), Vec::new());
        Self {
            reader: BufReader::new(reader),
            writer,
            notifications,
            next_id: 1,
            extranonce1,
            difficulty: 0.0,
            strict: Strict::default(),
        }
    }

    pub(crate) async fn introduce(&mut self, worker: &str) {
        let extensions = json!([["version-rolling"], {"version-rolling.mask": "ffffffff"}]);
        let configured = self.call("mining.configure", extensions).await;
        assert_eq!(configured["result"], json!({"version-rolling": true, "version-rolling.mask": "1fffe000"}));
        self.subscribe().await;
        assert_eq!(self.call("mining.authorize", json!([worker, "x"])).await["result"], true);
    }

    pub(crate) async fn subscribe(&mut self) {
        self.subscribe_with(json!(["test/1.0"])).await;
    }

    /// Subscribes with any parameters; the id of the subscription.
    pub(crate) async fn subscribe_with(&mut self, params: Value) -> String {
        let subscribed = self.call("mining.subscribe", params).await;
        assert_eq!(subscribed["result"][2], 8);
        self.extranonce1 = hex::decode(subscribed["result"][1].as_str().unwrap()).unwrap();
        assert_eq!(self.extranonce1.len(), 4);
        subscribed["result"][0][1][1].as_str().unwrap().to_owned()
    }

    /// Calls and waits for the answer, which always has all three keys. Notifications are kept.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"id": id, "method": method, "params": params}).to_string()).await;
        loop {
            let message = self.message().await.expect("an answer");
            if message["method"].is_null() {
                assert_eq!(message["id"], id, "{message}");
                assert!(message.get("error").is_some() && message.get("result").is_some(), "{message}");
                return message;
            }
            self.notifications.push_back(message);
        }
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    /// Writes until the other side has had enough.
    pub(crate) async fn flood(&mut self, line: &str) {
        while self.writer.write_all(line.as_bytes()).await.is_ok() {}
    }

    /// The next line as JSON; `None` when the pool has hung up.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        let mut line = String::new();
        match timeout(PATIENCE, self.reader.read_line(&mut line)).await.expect("a line in time") {
            Ok(0) | Err(_) => None,
            Ok(_) => {
                let message = serde_json::from_str(&line).unwrap();
                self.strict.check(&message);
                Some(message)
            }
        }
    }

    /// The next job.
    pub(crate) async fn job(&mut self) -> Job {
        loop {
            let message = match self.notifications.pop_front() {
                Some(message) => message,
                None => self.message().await.expect("a job"),
            };
            let params = message["params"].as_array().cloned().unwrap_or_default();
            match message["method"].as_str() {
                Some("mining.set_difficulty") => self.difficulty = params[0].as_f64().unwrap(),
                Some("mining.notify") => {
                    let (id, clean) = (params[0].as_str().unwrap().to_owned(), params[8].as_bool().unwrap());
                    return Job { id, params, difficulty: self.difficulty, clean };
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// The next job that voids the earlier ones.
    pub(crate) async fn clean_job(&mut self) -> Job {
        loop {
            let job = self.job().await;
            if job.clean {
                return job;
            }
        }
    }

    /// The next job of an epoch.
    pub(crate) async fn job_of_epoch(&mut self, epoch: u64) -> Job {
        loop {
            let job = self.job().await;
            if job.id.starts_with(&format!("{epoch:016x}")) {
                return job;
            }
        }
    }

    pub(crate) async fn submit(&mut self, share: &Share) -> Value {
        self.call("mining.submit", parameters(share)).await
    }

    /// The submission as a request, to be sent without waiting for its answer.
    pub(crate) fn submission(&self, share: &Share) -> Value {
        json!({"id": self.next_id, "method": "mining.submit", "params": parameters(share)})
    }

    pub(crate) async fn submit_accepted(&mut self, share: &Share) {
        let answer = self.submit(share).await;
        assert_eq!((&answer["result"], &answer["error"]), (&json!(true), &Value::Null), "{share:?}");
    }

    /// Submits what must be refused; the code and text.
    pub(crate) async fn submit_refused(&mut self, share: &Share) -> (u64, String) {
        let answer = self.submit(share).await;
        assert!(answer["result"].is_null(), "{answer}");
        assert!(answer["error"][2].is_null(), "{answer}");
        (answer["error"][0].as_u64().unwrap(), answer["error"][1].as_str().unwrap().to_owned())
    }

    /// A share of `job`: the first nonce of this extranonce2 and these version bits whose hash meets the difficulty.
    pub(crate) fn mine(&self, job: &Job, extranonce2: u64, version_bits: Option<u32>) -> Share {
        self.search(job, extranonce2, version_bits, |hash| top_bits(hash) <= bound(job.difficulty))
    }

    /// A share that meets regtest's network target.
    pub(crate) fn mine_regtest_block(&self, job: &Job) -> Share {
        self.search(job, u64::MAX, None, |hash| top_bits(hash) < REGTEST_TOP_BITS)
    }

    /// The opposite: a hash that misses the difficulty.
    pub(crate) fn miss(&self, job: &Job) -> Share {
        self.search(job, 0, None, |hash| top_bits(hash) > bound(job.difficulty) + 1.0)
    }

    fn search(&self, job: &Job, extranonce2: u64, bits: Option<u32>, wanted: impl Fn(&[u8; 32]) -> bool) -> Share {
        let text = |index: usize| job.params[index].as_str().unwrap();
        let number = |index: usize| u32::from_str_radix(text(index), 16).unwrap();
        let bytes = |index: usize| hex::decode(text(index)).unwrap();
        let coinbase = [&bytes(2)[..], &self.extranonce1, &extranonce2.to_be_bytes(), &bytes(3)].concat();
        let branch = job.params[4].as_array().unwrap().iter();
        let root = branch.fold(sha256d(&coinbase), |root, sibling| {
            sha256d(&[&root[..], &hex::decode(sibling.as_str().unwrap()).unwrap()].concat())
        });
        let prevhash: Vec<u8> = bytes(1).chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
        let version = bits.map_or(number(5), |bits| (number(5) & !0x1fff_e000) | bits);
        let start = [&version.to_le_bytes()[..], &prevhash, &root, &number(7).to_le_bytes(), &number(6).to_le_bytes()];
        let start = start.concat();
        let hash = |nonce: u32| sha256d(&[&start[..], &nonce.to_le_bytes()].concat());
        let nonce = (0..=u32::MAX).find(|nonce| wanted(&hash(*nonce))).unwrap();
        let mut display = hash(nonce);
        display.reverse();
        Share {
            job: job.id.clone(),
            extranonce2: hex::encode(extranonce2.to_be_bytes()),
            ntime: text(7).to_owned(),
            nonce: format!("{nonce:08x}"),
            version_bits: bits.map(|bits| format!("{bits:08x}")),
            hash: hex::encode(display),
        }
    }
}

fn parameters(share: &Share) -> Value {
    let mut params =
        vec![json!("lot.rig"), json!(share.job), json!(share.extranonce2), json!(share.ntime), json!(share.nonce)];
    params.extend(share.version_bits.as_ref().map(|bits| json!(bits)));
    Value::Array(params)
}

/// The top 64 bits of a hash as a number.
fn top_bits(hash: &[u8; 32]) -> f64 {
    u64::from_le_bytes(hash[24..].try_into().unwrap()) as f64
}

/// The top 64 bits of a difficulty's target, a little low so that rounding never passes a miss.
fn bound(difficulty: f64) -> f64 {
    (65_535.0 * 65_536.0 / difficulty).min(u64::MAX as f64) - 2.0
}
