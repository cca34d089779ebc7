//! The loop that serves a part of the connections.
//!
//! A turn: wait; write a new job to a piece of the connections; read every socket that has something, a bounded piece
//! each; judge the lines that are whole; write what was decided to the journal, once; write the answers, once for each
//! connection.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker, event::Event};
use slab::Slab;
use tokio::sync::watch;
use tracing::{debug, error};

use super::{
    alarms::Alarms,
    arrival::Arrival,
    broadcast::Broadcast,
    connection::Connection,
    end::End,
    inbox::{Inbox, Received},
    turn::Turn,
};
use crate::{
    journal::JournalFailed,
    pool::{board::Board, floor::Floor},
    reject::RejectReason,
    session::Session,
    stratum::{notify, reply},
};

/// Sockets looked at in a turn: the first of them waits a millisecond for the others. With 256 a share of few rigs took more
/// of the processor, with 32 no less.
const EVENTS: usize = 64;
/// How long a thread that is to stop goes on answering what still comes in.
const DRAIN: Duration = Duration::from_millis(200);
const WAKE: Token = Token(usize::MAX);
/// What rigs read when shares can't be kept.
const NO_JOURNAL: &str = "The pool can't record shares now: nothing is accepted, use another pool";

pub(super) struct Shard {
    poll: Poll,
    arrivals: mpsc::Receiver<Arrival>,
    stopping: Arc<AtomicBool>,
    board: watch::Receiver<Board>,
    connections: Slab<Box<Connection>>,
    /// Connections to be read in this turn.
    ready: Vec<usize>,
    /// Connections that end with this turn.
    ended: Vec<usize>,
    /// Connections that have been told why they end.
    dismissed: Vec<usize>,
    alarms: Alarms,
    broadcast: Broadcast,
    turn: Turn,
    inbox: Inbox,
}

impl Shard {
    pub(super) fn new(
        floor: &Arc<Floor>,
        arrivals: mpsc::Receiver<Arrival>,
        stopping: Arc<AtomicBool>,
    ) -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let mut board = floor.board.subscribe();
        board.mark_changed();
        let shard = Self {
            poll,
            arrivals,
            stopping,
            board,
            connections: Slab::new(),
            ready: Vec::new(),
            ended: Vec::new(),
            dismissed: Vec::new(),
            alarms: Alarms::default(),
            broadcast: Broadcast::default(),
            turn: Turn::new(floor.clone()),
            inbox: Inbox::new(),
        };
        Ok((shard, waker))
    }

    /// Serves until it is told to stop; then answers what has come so far, and hangs up.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while !self.stopping.load(Ordering::Acquire) {
            self.take_turn(&mut events, self.wait());
        }
        let end = Instant::now() + DRAIN;
        loop {
            self.take_turn(&mut events, Some(Duration::ZERO));
            if events.is_empty() || Instant::now() > end {
                return self.say_goodbye();
            }
        }
    }

    /// Hangs up, behind what was answered.
    fn say_goodbye(mut self) {
        for mut connection in self.connections.drain() {
            connection.dismiss(self.turn.now);
            // It may have gone already.
            let _ = connection.shut_when_told();
            self.turn.forget(connection.dialogue.session);
        }
    }

    fn wait(&self) -> Option<Duration> {
        let is_busy = !self.ready.is_empty() || self.broadcast.is_under_way();
        if is_busy { Some(Duration::ZERO) } else { self.alarms.wait(Instant::now()) }
    }

    fn take_turn(&mut self, events: &mut Events, wait: Option<Duration>) {
        if let Err(error) = self.poll.poll(events, wait) {
            if error.kind() != io::ErrorKind::Interrupted {
                error!(%error, "waiting for sockets failed");
            }
            return;
        }
        self.turn.begin();
        self.look_at_board();
        self.send_away_if_failed();
        self.welcome();
        events.iter().filter(|event| event.token() != WAKE).for_each(|event| self.on_event(event));
        self.announce_to_all();
        self.read_all();
        self.on_alarms();
        self.answer();
        self.bury();
    }

    fn look_at_board(&mut self) {
        if self.board.has_changed().unwrap_or(false) {
            let board = self.board.borrow_and_update().clone();
            let is_new = !board.has_same_job(&self.turn.board);
            self.turn.board = board;
            if is_new {
                self.broadcast.begin(self.connections.capacity());
                self.end_broadcast();
            }
        }
    }

    fn welcome(&mut self) {
        while let Ok(Arrival { transport, profile, place }) = self.arrivals.try_recv() {
            if self.turn.has_failed() {
                continue;
            }
            let (floor, now) = (&self.turn.floor, self.turn.now);
            let session = Session::new(&floor.config, profile, now);
            let idle = profile.idle(&floor.config.limits);
            let connection = Box::new(Connection::new(transport, session, idle, place, now));
            floor.counters.session_opened();
            let key = self.connections.insert(connection);
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = self.poll.registry().register(self.connections[key].socket(), Token(key), interest);
            match registered {
                Ok(()) => self.set_alarm(key),
                Err(error) => self.end(key, error.into()),
            }
        }
    }

    fn on_event(&mut self, event: &Event) {
        let Token(key) = event.token();
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.ended |= event.is_read_closed() || event.is_error();
        if event.is_readable() || connection.ended {
            connection.readable = true;
            self.ready.push(key);
        }
        if event.is_writable() {
            self.write_on(key);
        }
    }

    /// Writes what a connection did not read before; one that has caught up gets the newest job, and is read again.
    fn write_on(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if connection.takes_jobs() {
            return;
        }
        match connection.write_on() {
            Ok(false) => {}
            Ok(true) => {
                self.ready.push(key);
                self.announce(key);
            }
            Err(error) => self.end(key, error.into()),
        }
    }

    fn read_all(&mut self) {
        let mut ready = std::mem::take(&mut self.ready).into_iter();
        while !ready.as_slice().is_empty() {
            while self.inbox.has_room()
                && let Some(key) = ready.next()
            {
                self.receive(key);
            }
            self.inbox.take().into_iter().for_each(|received| self.take(received));
        }
    }

    fn receive(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !connection.is_due_to_read(&self.turn) {
            return self.set_alarm(key);
        }
        self.inbox.receive(key, connection);
        if connection.readable {
            self.ready.push(key);
        }
    }

    fn take(&mut self, Received { key, range }: Received) {
        if self.broadcast.is_under_way() {
            // A new job before the answers: whoever hears that shares are stale finds the next ones on it.
            self.push_announcement(key);
        }
        let connection = &mut self.connections[key];
        match range.and_then(|range| connection.take(self.inbox.bytes(range), &mut self.turn)) {
            Err(end) => self.end(key, end),
            Ok(()) => {
                self.push_announcement(key);
                self.set_alarm(key);
            }
        }
        self.turn.answers.address(key);
    }

    fn on_alarms(&mut self) {
        while let Some((key, at)) = self.alarms.due(self.turn.now) {
            let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.alarm == Some(at))
            else {
                continue;
            };
            connection.alarm = None;
            match connection.overdue(&self.turn.floor.config.limits, self.turn.now) {
                Some(end) => self.end(key, end),
                None => self.on_time(key),
            }
        }
    }

    /// Time has passed for a connection: its level may be too hard, its pause may be over.
    fn on_time(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if connection.dialogue.session.due() <= self.turn.now {
            connection.dialogue.session.tick(self.turn.now);
        }
        if connection.readable {
            self.ready.push(key);
        }
        if connection.is_to_be_pinged(self.turn.now) {
            self.turn.answers.push(&notify::ping());
        }
        self.announce(key);
        self.set_alarm(key);
    }

    /// Says what a connection is to know of the current job, and nothing else.
    fn announce(&mut self, key: usize) {
        self.push_announcement(key);
        self.turn.answers.address(key);
    }

    /// Adds it to what the connection is being answered.
    fn push_announcement(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if !connection.takes_jobs() {
            return;
        }
        match self.turn.announcement(&mut connection.dialogue.session) {
            Ok(None) => {}
            Ok(Some(announcement)) => {
                let notify = announcement.job.notify.line(announcement.clean_jobs);
                announcement.set_difficulty.iter().for_each(|line| self.turn.answers.push(line));
                self.turn.answers.push(notify);
            }
            Err(JournalFailed) => self.end(key, End::JournalFailed),
        }
    }

    /// The journal first, then the answers.
    fn answer(&mut self) {
        if let Err(JournalFailed) = self.turn.commit() {
            return self.refuse_all();
        }
        for index in 0..self.turn.answers.len() {
            let (key, lines) = self.turn.answers.part(index);
            let written = self.connections[key].write(lines, self.turn.now);
            self.after_write(key, written);
        }
        self.turn.answers.clear();
    }

    fn after_write(&mut self, key: usize, written: io::Result<()>) {
        match written {
            Err(error) => self.end(key, error.into()),
            Ok(()) if !self.connections[key].takes_jobs() => self.set_alarm(key),
            Ok(()) => {}
        }
    }

    /// Nothing of this turn can be acknowledged, and nothing after it.
    fn refuse_all(&mut self) {
        let refuse = |id: &str| {
            let id = serde_json::from_str(id).unwrap_or_default();
            reply::error(&id, RejectReason::Malformed, NO_JOURNAL)
        };
        for (key, lines) in self.turn.answers.take_back(refuse) {
            let written = self.connections[key].write(lines.as_bytes(), self.turn.now);
            self.after_write(key, written);
        }
        // The other threads learn it too.
        self.turn.floor.wake();
    }

    /// While shares can't be kept nobody is served: a rig that is hung up on uses its next pool.
    fn send_away_if_failed(&mut self) {
        if self.turn.has_failed() {
            let everyone: Vec<usize> = self.connections.iter().map(|(key, _)| key).collect();
            everyone.into_iter().for_each(|key| self.end(key, End::JournalFailed));
        }
    }

    fn announce_to_all(&mut self) {
        if !self.broadcast.is_under_way() {
            return;
        }
        for key in self.broadcast.next_keys() {
            let Some(connection) = self.connections.get_mut(key).filter(|connection| connection.takes_jobs()) else {
                continue;
            };
            let written = match self.turn.announcement(&mut connection.dialogue.session) {
                Ok(None) => continue,
                Ok(Some(announcement)) => connection.write(&super::broadcast::lines(&announcement), self.turn.now),
                Err(JournalFailed) => {
                    self.end(key, End::JournalFailed);
                    continue;
                }
            };
            self.broadcast.reached.add(Instant::now());
            self.after_write(key, written);
        }
        self.end_broadcast();
    }

    /// Tells how long it took, once nobody is left.
    fn end_broadcast(&mut self) {
        if let (false, Some(job)) = (self.broadcast.is_under_way(), &self.turn.board.current) {
            self.turn.floor.fan_out.end(job, self.broadcast.reached);
        }
    }

    fn set_alarm(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let due = connection.due(&self.turn.floor.config.limits, self.turn.now);
        self.alarms.set(key, due, &mut connection.alarm);
    }

    /// Ends a connection. Who was told why gets the time to read it.
    fn end(&mut self, key: usize, end: End) {
        let connection = &mut self.connections[key];
        debug!(peer = ?connection.socket().peer_addr(), %end, "session ended");
        match end {
            End::LineTooLong | End::JournalFailed => {
                if connection.dismiss(self.turn.now) {
                    self.dismissed.push(key);
                    self.set_alarm(key);
                }
            }
            _ => self.ended.push(key),
        }
    }

    fn bury(&mut self) {
        for key in std::mem::take(&mut self.dismissed) {
            if let Err(error) = self.connections[key].shut_when_told() {
                self.end(key, error.into());
            }
        }
        for key in self.ended.drain(..) {
            if let Some(connection) = self.connections.try_remove(key) {
                self.turn.forget(connection.dialogue.session);
            }
        }
    }
}
