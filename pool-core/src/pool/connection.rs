//! One connection: lines in, replies and jobs out. One task; while it writes it does not read, so a slow reader holds up
//! nobody but itself, and what waits for it is the one newest job.

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::Value;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{board::Board, floor::Floor};
use crate::{
    journal::WriterGone,
    listener::ListenerProfile,
    reject::RejectReason,
    session::{Claim, Consequence, Session, Step},
    stratum::{
        line::{Line, LineReader},
        reply,
        request::{self, BadRequest, Request},
    },
};

/// How much of a line that is too long is read away, so that the other side gets to read why it is disconnected.
const READ_AWAY: u64 = 4 << 20;
const READ_AWAY_TIME: Duration = Duration::from_secs(2);

/// Why a connection ends.
#[derive(Debug, Error)]
enum End {
    #[error("the other side hung up")]
    HungUp,
    #[error("a line was too long")]
    LineTooLong,
    #[error("too many lines that are no requests")]
    Garbage,
    #[error("not subscribed and authorized in time")]
    Unauthorized,
    #[error("nothing was heard for too long")]
    Idle,
    #[error("every share was invalid for long")]
    Invalid,
    #[error("the other side does not read")]
    SlowReader,
    #[error("the pool stops")]
    Stop,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Journal(#[from] WriterGone),
}

struct Connection<'a> {
    floor: &'a Floor,
    session: Session,
    writer: OwnedWriteHalf,
    garbage: u32,
}

/// Serves a connection to its end.
pub(super) async fn run(stream: TcpStream, profile: ListenerProfile, floor: &Floor, stop: &CancellationToken) {
    floor.counters.session_opened();
    let peer = stream.peer_addr();
    let (reader, writer) = stream.into_split();
    let mut connection = Connection::new(floor, writer, profile);
    let Err(end) = serve(&mut connection, reader, profile, stop).await;
    if let Some((extranonce1, memory)) = connection.session.end() {
        floor.unsubscribe(extranonce1, memory).await;
    }
    debug!(?peer, %end, "session ended");
    floor.counters.session_ended();
}

async fn serve(
    connection: &mut Connection<'_>,
    reader: OwnedReadHalf,
    profile: ListenerProfile,
    stop: &CancellationToken,
) -> Result<std::convert::Infallible, End> {
    let floor = connection.floor;
    reader.as_ref().set_nodelay(true)?;
    let mut lines = LineReader::new(reader, floor.config.limits.line_bytes);
    let mut board = floor.board.subscribe();
    let idle = profile.idle(&floor.config.limits);
    let mut heard = tokio::time::Instant::now();
    let deadline = tokio::time::Instant::now() + floor.config.limits.unauthorized;
    loop {
        let due = connection.session.due().into();
        tokio::select! {
            () = stop.cancelled() => return Err(End::Stop),
            () = sleep_until(deadline), if !connection.session.is_ready() => return Err(End::Unauthorized),
            () = sleep_until(heard + idle) => return Err(End::Idle),
            () = sleep_until(due) => connection.session.tick(Instant::now()),
            changed = board.changed() => changed.map_err(|_| End::Stop)?,
            line = lines.next() => match line? {
                Line::Whole(line) => {
                    heard = tokio::time::Instant::now();
                    connection.on_line(line).await?;
                }
                Line::End => return Err(End::HungUp),
                Line::TooLong => {
                    connection.refuse_long_line().await?;
                    read_away(lines.into_inner()).await;
                    return Err(End::LineTooLong);
                }
            },
        }
        connection.announce(&mut board).await?;
    }
}

impl<'a> Connection<'a> {
    fn new(floor: &'a Floor, writer: OwnedWriteHalf, profile: ListenerProfile) -> Self {
        Self { floor, session: Session::new(&floor.config, profile, Instant::now()), writer, garbage: 0 }
    }

    async fn on_line(&mut self, line: &[u8]) -> Result<(), End> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let reply = match request::parse(line) {
            Ok(request) => self.on_request(&request).await?,
            Err(bad) => self.on_bad_request(bad)?,
        };
        if reply.is_empty() { Ok(()) } else { self.write(&reply).await }
    }

    async fn on_request(&mut self, request: &Request) -> Result<String, End> {
        match self.session.handle(request, Instant::now()) {
            Step::Reply(reply) => Ok(reply),
            Step::Silence => Ok(String::new()),
            Step::Subscribe { resume } => {
                let subscription = self.floor.subscribe(resume.as_deref()).await?;
                Ok(self.session.subscribe(&request.id, subscription, Instant::now()))
            }
            Step::Judge(claim) => self.judge(&request.id, &claim).await,
            Step::Reject(reason, worker) => {
                self.floor.reject(reason, worker.as_deref()).await?;
                self.refuse(&request.id, reason)
            }
        }
    }

    async fn judge(&mut self, id: &Value, claim: &Claim) -> Result<String, End> {
        match self.floor.judge(claim).await? {
            Err(reason) => self.refuse(id, reason),
            Ok(()) => {
                self.session.accepted(claim.submission.job.level, Instant::now());
                Ok(reply::ok(id, Value::Bool(true)))
            }
        }
    }

    fn refuse(&mut self, id: &Value, reason: RejectReason) -> Result<String, End> {
        match self.session.rejected(reason, Instant::now()) {
            Consequence::Drop => Err(End::Invalid),
            consequence => Ok(reply::error(id, reason, reason.text()) + &consequence.lines()),
        }
    }

    fn on_bad_request(&mut self, bad: BadRequest) -> Result<String, End> {
        self.floor.counters.rejected(RejectReason::Malformed);
        self.garbage += u32::from(bad.garbage);
        if self.garbage > self.floor.config.limits.garbage_lines {
            return Err(End::Garbage);
        }
        Ok(reply::error(&bad.id, RejectReason::Malformed, &bad.text))
    }

    async fn refuse_long_line(&mut self) -> Result<(), End> {
        self.floor.counters.rejected(RejectReason::Malformed);
        let text = format!("Line longer than {} bytes", self.floor.config.limits.line_bytes);
        self.write(&reply::error(&Value::Null, RejectReason::Malformed, &text)).await?;
        Ok(self.writer.shutdown().await?)
    }

    /// Writes the current job at the session's level, if it has not been written yet.
    async fn announce(&mut self, board: &mut watch::Receiver<Board>) -> Result<(), End> {
        let (job, epoch) = {
            let board = board.borrow_and_update();
            let Some(job) = board.current.clone() else { return Ok(()) };
            let Some(epoch) = board.epoch(job.start.epoch).cloned() else { return Ok(()) };
            (job, epoch)
        };
        let Some(announcement) = self.session.announce(&job, Instant::now()) else { return Ok(()) };
        epoch.issue(announcement.job.id.level).await?;
        let notify = announcement.job.notify.line(announcement.clean_jobs);
        match announcement.set_difficulty {
            Some(set_difficulty) => self.write(&(set_difficulty + notify)).await,
            None => self.write(notify).await,
        }
    }

    async fn write(&mut self, lines: &str) -> Result<(), End> {
        let written = timeout(self.floor.config.limits.write, self.writer.write_all(lines.as_bytes())).await;
        Ok(written.map_err(|_| End::SlowReader)??)
    }
}

async fn read_away(reader: OwnedReadHalf) {
    // However this ends, the connection does.
    let _ = timeout(READ_AWAY_TIME, tokio::io::copy(&mut reader.take(READ_AWAY), &mut tokio::io::sink())).await;
}
