//! The rig's side of a Stratum connection.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use audit_core::{
    hash::BlockHash,
    header::VERSION_MASK,
    work::{Level, Target},
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::mpsc,
    time::timeout,
};
use tracing::{debug, info, warn};

use super::{
    RigReport,
    grind::{FoundShare, WorkBoard},
    record::RecordFile,
    work::{Subscription, Validity, Work, target_of},
};
use crate::stratum::line::{Line, LineReader};

/// Longest line of a pool: a job with a large coinbase.
const LINE_MAX: usize = 64 << 10;
const CONNECT: Duration = Duration::from_secs(10);
/// A pool that says nothing for so long is taken for gone; it refreshes jobs every half minute.
const SILENCE: Duration = Duration::from_secs(300);

/// What we call ourselves.
const AGENT: &str = concat!("provenhash-rig/", env!("CARGO_PKG_VERSION"));

const CONFIGURE: u64 = 1;
const SUBSCRIBE: u64 = 2;
const AUTHORIZE: u64 = 3;
/// Submissions without an answer at most: what is on the way when a job ends is wasted.
const IN_FLIGHT: usize = 16;
/// Ids of submissions start here.
const SUBMIT: u64 = 10;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the pool hung up")]
    HungUp,
    #[error("the pool is silent")]
    Silent,
    #[error("the pool does not keep to Stratum: {0}")]
    Protocol(&'static str),
    #[error("the pool refused the worker: {0}")]
    Refused(String),
}

/// A rig's client. One connection at a time.
#[derive(Debug)]
pub(super) struct Client {
    address: String,
    user: String,
    password: String,
    board: Arc<WorkBoard>,
    shares: mpsc::Receiver<FoundShare>,
    record: Option<RecordFile>,
    report: RigReport,
    state: State,
}

/// What a connection has brought so far.
#[derive(Debug)]
struct State {
    subscription: Option<Subscription>,
    authorized: bool,
    version_mask: u32,
    target: Target,
    validity: Validity,
    next_id: u64,
    /// Submissions without an answer.
    pending: HashMap<u64, BlockHash>,
}

impl Client {
    pub(super) fn new(
        address: String,
        user: String,
        password: String,
        board: Arc<WorkBoard>,
        shares: mpsc::Receiver<FoundShare>,
        record: Option<RecordFile>,
    ) -> Self {
        let (report, state) = (RigReport::default(), State::new(Validity::default()));
        Self { address, user, password, board, shares, record, report, state }
    }

    pub(super) fn report(&self) -> RigReport {
        self.report
    }

    /// Whether the last connection got so far.
    pub(super) fn was_authorized(&self) -> bool {
        self.state.authorized
    }

    /// Connects and mines until the connection ends.
    pub(super) async fn connect(&mut self) -> Ended {
        // Another connection has another extranonce1.
        self.state = State::new(self.state.validity.next());
        let ended = self.converse().await.err().unwrap_or(Ended::HungUp);
        self.board.post(None);
        ended
    }

    async fn converse(&mut self) -> Result<(), Ended> {
        let stream = timeout(CONNECT, TcpStream::connect(&self.address)).await.map_err(|_| Ended::Silent)??;
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut lines = LineReader::new(reader, LINE_MAX);
        self.introduce(&mut writer).await?;
        loop {
            tokio::select! {
                line = timeout(SILENCE, lines.next()) => match line.map_err(|_| Ended::Silent)?? {
                    Line::Whole(line) => {
                        if let Some(answer) = self.on_line(line)? {
                            write(&mut writer, &answer).await?;
                        }
                    }
                    Line::TooLong => return Err(Ended::Protocol("a line of more than 64 KiB")),
                    Line::End => return Ok(()),
                },
                Some(share) = self.shares.recv(), if self.state.pending.len() < IN_FLIGHT => {
                    if share.work.validity == self.state.validity {
                        self.submit(&mut writer, &share).await?;
                    }
                }
            }
        }
    }

    async fn introduce(&self, writer: &mut OwnedWriteHalf) -> Result<(), Ended> {
        let mask = json!({"version-rolling.mask": format!("{VERSION_MASK:08x}"), "version-rolling.min-bit-count": 2});
        let calls = [
            (CONFIGURE, "mining.configure", json!([["version-rolling"], mask])),
            (SUBSCRIBE, "mining.subscribe", json!([AGENT])),
            (AUTHORIZE, "mining.authorize", json!([self.user, self.password])),
        ];
        for (id, method, params) in calls {
            call(writer, id, method, &params).await?;
        }
        Ok(())
    }

    async fn submit(&mut self, writer: &mut OwnedWriteHalf, share: &FoundShare) -> Result<(), Ended> {
        let (work, state) = (&share.work, &mut self.state);
        let id = state.next_id;
        state.next_id += 1;
        state.pending.insert(id, share.hash);
        let (extranonce2, ntime) = (hex::encode(&share.extranonce2), format!("{:08x}", work.ntime));
        let mut params = vec![
            json!(self.user),
            json!(work.job),
            json!(extranonce2),
            json!(ntime),
            json!(format!("{:08x}", share.nonce)),
        ];
        if work.version_mask != 0 {
            params.push(json!(format!("{:08x}", share.version & work.version_mask)));
        }
        call(writer, id, "mining.submit", &Value::Array(params)).await
    }

    /// What is to be answered, if the line is a question.
    fn on_line(&mut self, line: &[u8]) -> Result<Option<Value>, Ended> {
        let message: Value = serde_json::from_slice(line).map_err(|_| Ended::Protocol("a line that is no JSON"))?;
        let params = message["params"].as_array().map_or(&[][..], Vec::as_slice);
        match (message["method"].as_str(), message["id"].as_u64()) {
            (Some("mining.set_difficulty"), _) => {
                let target = params.first().and_then(target_of);
                self.state.target = target.ok_or(Ended::Protocol("a difficulty that is no number"))?;
            }
            (Some("mining.notify"), _) => self.on_notify(params)?,
            (Some("mining.ping"), Some(id)) => return Ok(Some(answer(id, "pong"))),
            (Some("client.get_version"), Some(id)) => return Ok(Some(answer(id, AGENT))),
            (Some(method), _) => debug!(method, "not understood"),
            (None, Some(id)) => self.on_answer(id, &message)?,
            (None, None) => {}
        }
        Ok(None)
    }

    fn on_notify(&mut self, params: &[Value]) -> Result<(), Ended> {
        let state = &mut self.state;
        if params.get(8) == Some(&Value::Bool(true)) {
            state.validity = state.validity.next();
        }
        let subscription = state.subscription.as_ref().ok_or(Ended::Protocol("a job before the subscription"))?;
        let work = Work::read(params, subscription, state.target, state.version_mask, state.validity);
        self.board.post(Some(Arc::new(work.ok_or(Ended::Protocol("a job that can't be read"))?)));
        Ok(())
    }

    fn on_answer(&mut self, id: u64, answer: &Value) -> Result<(), Ended> {
        let result = &answer["result"];
        match id {
            CONFIGURE => {
                let mask = result["version-rolling.mask"].as_str().filter(|_| result["version-rolling"] == true);
                self.state.version_mask = mask.and_then(|mask| u32::from_str_radix(mask, 16).ok()).unwrap_or(0);
            }
            SUBSCRIBE => self.state.subscription = Some(subscription(result)?),
            AUTHORIZE if result == &Value::Bool(true) => {
                info!(pool = self.address, worker = self.user, "rig authorized");
                self.state.authorized = true;
            }
            AUTHORIZE => return Err(Ended::Refused(answer["error"].to_string())),
            _ => self.on_verdict(id, answer)?,
        }
        Ok(())
    }

    fn on_verdict(&mut self, id: u64, answer: &Value) -> Result<(), Ended> {
        let Some(hash) = self.state.pending.remove(&id) else { return Ok(()) };
        if answer["result"] == true {
            self.report.accepted += 1;
            self.record.as_mut().map_or(Ok(()), |record| record.add(&hash))?;
        } else {
            self.report.rejected += 1;
            warn!(%hash, error = %answer["error"], "share rejected");
        }
        Ok(())
    }
}

impl State {
    fn new(validity: Validity) -> Self {
        Self {
            validity,
            subscription: None,
            authorized: false,
            version_mask: 0,
            // Difficulty 1 until the pool says another.
            target: Level::new(0).unwrap_or(Level::MAX).target(),
            next_id: SUBMIT,
            pending: HashMap::new(),
        }
    }
}

/// `[[...], extranonce1, extranonce2 length]`.
fn subscription(result: &Value) -> Result<Subscription, Ended> {
    let extranonce1 = result[1].as_str().and_then(|text| hex::decode(text).ok());
    let length = result[2].as_u64().and_then(|length| usize::try_from(length).ok());
    match (extranonce1, length) {
        // 16 is more than any pool gives; below 2 a fast rig would run out of work.
        (Some(extranonce1), Some(extranonce2_len @ 2..=16)) => Ok(Subscription { extranonce1, extranonce2_len }),
        _ => Err(Ended::Protocol("a subscription that can't be read")),
    }
}

fn answer(id: u64, result: &str) -> Value {
    json!({"id": id, "result": result, "error": null})
}

async fn call(writer: &mut OwnedWriteHalf, id: u64, method: &str, params: &Value) -> Result<(), Ended> {
    write(writer, &json!({"id": id, "method": method, "params": params})).await
}

async fn write(writer: &mut OwnedWriteHalf, message: &Value) -> Result<(), Ended> {
    Ok(writer.write_all(format!("{message}\n").as_bytes()).await?)
}
