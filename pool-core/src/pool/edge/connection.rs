//! One connection: its socket, its session, and what it has not read yet.

use std::{
    io,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use mio::net::TcpStream;

use super::{dialogue::Dialogue, end::End, transport::Transport, turn::Turn};
use crate::{
    config::Limits,
    pool::admission::Place,
    reject::RejectReason,
    session::Session,
    stratum::{
        cutter::{LineCutter, LineTooLong},
        reply,
    },
};

/// How much of what a dismissed connection still sends is read away, so that it gets to read why: unread bytes would make
/// the kernel reset the connection.
const READ_AWAY: usize = 4 << 20;
const READ_AWAY_TIME: Duration = Duration::from_secs(2);
/// How soon a connection whose blocks wait to be saved is looked at again.
const HELD: Duration = Duration::from_millis(5);
/// Lines of a session are counted over so long, and so often its level is looked at when it brings no shares.
const SECOND: Duration = Duration::from_secs(1);

/// A connection. While it has something left to read, it is not read from and gets no job, so what waits for it is bounded.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    pub(super) dialogue: Dialogue,
    cutter: LineCutter,
    /// What did not fit into the socket, and since when.
    unwritten: Vec<u8>,
    stuck_since: Option<Instant>,
    opened: Instant,
    heard: Instant,
    idle: Duration,
    /// It was asked whether it is there, and has not been heard since.
    pinged: bool,
    /// Lines since `pace_since`.
    lines: u32,
    pace_since: Instant,
    /// It found a block when it was last read.
    has_found: bool,
    /// There may be more to read.
    pub(super) readable: bool,
    /// The other side sends no more than what is there to read.
    pub(super) ended: bool,
    dismissed: Option<Dismissed>,
    /// The earliest alarm that is set.
    pub(super) alarm: Option<Instant>,
    _place: Place,
}

/// A connection that was told why it ends.
#[derive(Debug)]
struct Dismissed {
    until: Instant,
    left: usize,
    shut: bool,
}

impl Connection {
    pub(super) fn new(transport: Transport, session: Session, idle: Duration, place: Place, now: Instant) -> Self {
        Self {
            transport,
            dialogue: Dialogue::new(session),
            cutter: LineCutter::default(),
            unwritten: Vec::new(),
            stuck_since: None,
            opened: now,
            heard: now,
            idle,
            pinged: false,
            lines: 0,
            pace_since: now,
            has_found: false,
            readable: true,
            ended: false,
            dismissed: None,
            alarm: None,
            _place: place,
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        self.transport.socket()
    }

    /// Whether it may be read from now: it has read its answers, has not sent too much, and its blocks are taken care of.
    pub(super) fn is_due_to_read(&self, turn: &Turn) -> bool {
        let is_paused = self.paused_until(&turn.floor.config.limits).is_some_and(|until| until > turn.now);
        let is_held = self.has_found && turn.floor.has_too_many_blocks();
        self.readable && self.has_read_all() && !is_paused && !is_held
    }

    /// Whether jobs may be written to it.
    pub(super) fn takes_jobs(&self) -> bool {
        self.has_read_all() && self.dismissed.is_none()
    }

    /// Whether the other side has taken everything that was written to it, as far as is known here.
    fn has_read_all(&self) -> bool {
        self.unwritten.is_empty() && !self.transport.has_unsent()
    }

    /// Reads once, at most as much as there is room for; how much it was.
    pub(super) fn receive(&mut self, room: &mut [u8]) -> Result<usize, End> {
        match self.transport.read(room) {
            Ok(0) => Err(End::HungUp),
            Ok(count) => {
                // A short read has emptied the socket (epoll(7)); the next bytes, or the end, are a new event.
                self.readable = count == room.len() || self.ended;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(0)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers the lines that are whole with what was received now.
    pub(super) fn take(&mut self, chunk: &[u8], turn: &mut Turn) -> Result<(), End> {
        if chunk.is_empty() {
            return Ok(());
        }
        if let Some(dismissed) = &mut self.dismissed {
            dismissed.left = dismissed.left.saturating_sub(chunk.len());
            return if dismissed.left == 0 { Err(End::Told) } else { Ok(()) };
        }
        (self.heard, self.pinged) = (turn.now, false);
        if turn.now - self.pace_since >= SECOND {
            (self.pace_since, self.lines) = (turn.now, 0);
        }
        let max = turn.floor.config.limits.line_bytes;
        turn.has_found = false;
        let Self { cutter, dialogue, lines, .. } = self;
        let cut = cutter.cut(chunk, max, |line| {
            *lines = lines.saturating_add(1);
            dialogue.take(line, turn)
        });
        self.has_found = turn.has_found;
        match cut {
            Ok(ControlFlow::Continue(())) => Ok(()),
            Ok(ControlFlow::Break(end)) => Err(end),
            Err(LineTooLong) => {
                turn.floor.counters.rejected(RejectReason::Malformed);
                let text = format!("Line longer than {max} bytes");
                turn.answers.push(&reply::error(&serde_json::Value::Null, RejectReason::Malformed, &text));
                Err(End::LineTooLong)
            }
        }
    }

    /// Writes, or keeps what the socket does not take.
    pub(super) fn write(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        let written = if self.unwritten.is_empty() { self.write_some(bytes)? } else { 0 };
        if written < bytes.len() {
            self.unwritten.extend_from_slice(&bytes[written..]);
        }
        if !self.has_read_all() {
            self.stuck_since.get_or_insert(now);
        }
        self.shut_when_told()
    }

    /// Writes what was kept; whether nothing is left.
    pub(super) fn write_on(&mut self) -> io::Result<bool> {
        self.transport.send()?;
        let unwritten = std::mem::take(&mut self.unwritten);
        let written = self.write_some(&unwritten)?;
        if written < unwritten.len() {
            self.unwritten = unwritten[written..].to_vec();
        }
        if !self.has_read_all() {
            return Ok(false);
        }
        self.stuck_since = None;
        self.shut_when_told()?;
        Ok(true)
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.transport.write(&bytes[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Ends the conversation: what was said is written, what comes is read away, for a while. `false` when it has ended.
    pub(super) fn dismiss(&mut self, now: Instant) -> bool {
        let is_new = self.dismissed.is_none();
        self.dismissed.get_or_insert(Dismissed { until: now + READ_AWAY_TIME, left: READ_AWAY, shut: false });
        is_new
    }

    /// Says that nothing follows, once a dismissed connection's last words are written.
    pub(super) fn shut_when_told(&mut self) -> io::Result<()> {
        let is_told = self.has_read_all();
        match &mut self.dismissed {
            Some(dismissed) if is_told && !dismissed.shut => {
                dismissed.shut = true;
                self.transport.shut()
            }
            _ => Ok(()),
        }
    }

    /// Why time has run out for it, if it has.
    pub(super) fn overdue(&self, limits: &Limits, now: Instant) -> Option<End> {
        if let Some(dismissed) = &self.dismissed {
            return (now >= dismissed.until).then_some(End::Told);
        }
        if self.stuck_since.is_some_and(|since| now >= since + limits.write) {
            return Some(End::SlowReader);
        }
        match self.dialogue.session.is_ready() {
            false if now >= self.opened + limits.unauthorized => Some(End::Unauthorized),
            true if now >= self.heard + self.idle => Some(End::Idle),
            _ => None,
        }
    }

    /// Whether it is to be asked now if it is there.
    pub(super) fn is_to_be_pinged(&mut self, now: Instant) -> bool {
        let is_due = self.ping_at().is_some_and(|at| now >= at);
        self.pinged |= is_due;
        is_due
    }

    /// Once it has been silent for half of the time that it may be.
    fn ping_at(&self) -> Option<Instant> {
        let may_be = !self.pinged && self.takes_jobs() && self.dialogue.session.is_ready();
        may_be.then(|| self.heard + self.idle / 2)
    }

    /// When to look at it again.
    pub(super) fn due(&self, limits: &Limits, now: Instant) -> Instant {
        if let Some(dismissed) = &self.dismissed {
            return dismissed.until;
        }
        let patience = match self.dialogue.session.is_ready() {
            false => self.opened + limits.unauthorized,
            true => self.heard + self.idle,
        };
        let stuck = self.stuck_since.map(|since| since + limits.write);
        let paused = self.paused_until(limits).filter(|until| self.readable && *until > now);
        let held = (self.readable && self.has_found).then(|| now + HELD);
        let level = self.dialogue.session.due().max(now + SECOND);
        [stuck, paused, held, self.ping_at()].into_iter().flatten().fold(patience.min(level), Instant::min)
    }

    /// Set when it has sent more lines than it may in a second.
    fn paused_until(&self, limits: &Limits) -> Option<Instant> {
        let is_too_fast = limits.lines_per_second > 0 && self.lines >= limits.lines_per_second;
        is_too_fast.then(|| self.pace_since + SECOND)
    }
}
