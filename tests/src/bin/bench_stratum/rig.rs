//! One connection of the load: a worker that submits without mining, since at the lowest level practically every hash is a
//! share; or somebody who sends such lines to a server that sends them back.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context;
use mio::net::TcpStream;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Whom the load is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A pool.
    Pool,
    /// A server that sends lines back, or only sends.
    Lines,
}

/// A line from the other side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// The answer to the oldest submission that waits for one.
    Answer { accepted: bool },
    /// A job; whether it voids all before it.
    Job { clean: bool },
    /// Anything else.
    Other,
}

/// A submission on its way.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    /// When it was due.
    pub(crate) due: Instant,
    /// Different for every share of a run.
    pub(crate) extranonce2: u64,
}

/// A connection.
pub(crate) struct Rig {
    pub(crate) stream: TcpStream,
    peer: Peer,
    name: String,
    /// A line's beginning, then the extranonce2, then its end.
    line: Option<(Vec<u8>, Vec<u8>)>,
    next_extranonce2: u64,
    pub(crate) waiting: VecDeque<Sent>,
    received: Vec<u8>,
    unsent: Vec<u8>,
    pub(crate) is_open: bool,
    /// Length of the last job's line.
    pub(crate) job_len: usize,
}

/// Read without an allocation: whatever the rigs do while jobs or shares arrive, they take from the server's machine.
#[derive(Deserialize)]
struct Line<'a> {
    id: Option<u64>,
    method: Option<&'a str>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Notify<'a> {
    #[serde(borrow)]
    params: NotifyParams<'a>,
}

/// Job, prevhash, both parts of the coinbase, branch, version, nbits, ntime, clean_jobs.
type NotifyParams<'a> =
    (&'a str, IgnoredAny, IgnoredAny, IgnoredAny, IgnoredAny, IgnoredAny, IgnoredAny, &'a str, bool);

/// The id of every submission; answers come in order.
const SUBMISSION: u64 = 3;

impl Rig {
    /// Connects as number `number` of all.
    pub(crate) fn connect(address: SocketAddr, number: u32, peer: Peer) -> anyhow::Result<Rig> {
        let mut stream = std::net::TcpStream::connect(address).context("can't connect")?;
        stream.set_nodelay(true)?;
        let name = format!("bench.{number}");
        if peer == Peer::Pool {
            let hello = format!(
                "{{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"bench\"]}}\n\
                 {{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"{name}\",\"x\"]}}\n"
            );
            stream.write_all(hello.as_bytes())?;
        }
        stream.set_nonblocking(true)?;
        let next_extranonce2 = u64::from(number) << 32;
        let mut rig = Rig {
            stream: TcpStream::from_std(stream),
            peer,
            name,
            line: None,
            next_extranonce2,
            waiting: VecDeque::new(),
            received: Vec::new(),
            unsent: Vec::new(),
            is_open: true,
            job_len: 0,
        };
        if peer == Peer::Lines {
            rig.take_job("0123456789abcdef", "00000000");
        }
        Ok(rig)
    }

    /// Whether it can submit.
    pub(crate) fn has_job(&self) -> bool {
        self.line.is_some()
    }

    /// Prepares a submission that was due at `due`; [`Rig::flush`] sends it.
    pub(crate) fn submit(&mut self, due: Instant) {
        let Some((begin, end)) = &self.line else { return };
        self.unsent.extend_from_slice(begin);
        self.unsent.extend_from_slice(hex::encode(self.next_extranonce2.to_be_bytes()).as_bytes());
        self.unsent.extend_from_slice(end);
        self.waiting.push_back(Sent { due, extranonce2: self.next_extranonce2 });
        self.next_extranonce2 += 1;
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) {
        while !self.unsent.is_empty() && self.is_open {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.is_open = false,
            }
        }
    }

    /// Reads what is there.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => self.is_open = false,
                Ok(read) => {
                    self.received.extend_from_slice(&buffer[..read]);
                    if read == buffer.len() {
                        continue;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.is_open = false,
            }
            return;
        }
    }

    /// The messages of all whole lines that were read.
    pub(crate) fn messages(&mut self) -> anyhow::Result<Vec<Message>> {
        let Some(end) = self.received.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.received.drain(..=end).collect();
        whole.split_inclusive(|byte| *byte == b'\n').map(|line| self.message(line)).collect()
    }

    fn message(&mut self, bytes: &[u8]) -> anyhow::Result<Message> {
        if self.peer == Peer::Lines {
            self.job_len = bytes.len();
            return Ok(Message::Answer { accepted: true });
        }
        let line: Line<'_> = read(bytes)?;
        if line.method == Some("mining.notify") {
            let Notify { params: (job, .., ntime, clean) } = read(bytes)?;
            self.job_len = bytes.len();
            self.take_job(job, ntime);
            return Ok(Message::Job { clean });
        }
        let is_answer = line.method.is_none() && line.id == Some(SUBMISSION);
        Ok(if is_answer { Message::Answer { accepted: line.error.is_none() } } else { Message::Other })
    }

    fn take_job(&mut self, job: &str, ntime: &str) {
        let name = &self.name;
        let begin = format!("{{\"id\":{SUBMISSION},\"method\":\"mining.submit\",\"params\":[\"{name}\",\"{job}\",\"");
        self.line = Some((begin.into_bytes(), format!("\",\"{ntime}\",\"00000000\"]}}\n").into_bytes()));
    }
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(line).with_context(|| format!("the pool sent no Stratum: {}", String::from_utf8_lossy(line)))
}
