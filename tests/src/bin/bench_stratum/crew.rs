//! Rigs that one thread serves.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use mio::{Events, Interest, Poll, Token};

use super::rig::{Message, Peer, Rig, Sent};

/// How long a crew waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Submissions of one rig that may wait for their answers when the load does not wait for them: more at one moment would
/// be a rig for a harder level.
const WAITING: usize = 16;

/// How submissions follow one another.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each rig sends its next when the last is answered.
    Closed,
    /// So many a second by all rigs of the crew, whatever is answered.
    Open(f64),
}

/// When a load begins, from when on it counts, and for how many windows.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) begin: Instant,
    pub(crate) counts: Instant,
    pub(crate) windows: u32,
}

/// What is judged by itself: long enough for many syncs of a journal, short enough that what else the machine does falls on
/// some of them only.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// What a crew saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// For each window the time from when a share was due to its acceptance, in microseconds.
    pub(crate) latencies_us: Vec<Vec<u32>>,
    pub(crate) rejected: u64,
    /// Due, but not sent, since too many waited already.
    pub(crate) withheld: u64,
    /// Extranonce2 of every acknowledged share, whether it counted or not.
    pub(crate) acknowledged: Vec<u64>,
}

pub(crate) struct Crew {
    poll: Poll,
    rigs: Vec<Rig>,
    buffer: Vec<u8>,
}

impl Crew {
    /// Connects rigs with these numbers and waits until all have a job.
    pub(crate) fn connect(address: SocketAddr, numbers: impl Iterator<Item = u32>, peer: Peer) -> anyhow::Result<Crew> {
        let poll = Poll::new()?;
        let mut rigs = Vec::new();
        for number in numbers {
            let mut rig = Rig::connect(address, number, peer)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut rig.stream, Token(rigs.len()), interest)?;
            rigs.push(rig);
        }
        let mut crew = Crew { poll, rigs, buffer: vec![0; 64 << 10] };
        let deadline = Instant::now() + PATIENCE;
        while !crew.rigs.iter().all(Rig::has_job) {
            ensure!(Instant::now() < deadline, "not every rig got a job");
            crew.turn(Duration::from_millis(100), |_, _, _| {})?;
            ensure!(crew.rigs.iter().all(|rig| rig.is_open), "the server closed a connection");
        }
        Ok(crew)
    }

    /// Bytes of a job's line, or of any line where there are no jobs.
    pub(crate) fn job_len(&self) -> usize {
        self.rigs.iter().map(|rig| rig.job_len).max().unwrap_or(0)
    }

    /// Submits until the span ends or no connection is left, and waits for the answers.
    pub(crate) fn load(&mut self, pace: Pace, span: Span) -> anyhow::Result<Seen> {
        let (mut seen, mut sent, mut next) = (Seen::default(), 0u64, 0);
        std::thread::sleep(span.begin.saturating_duration_since(Instant::now()));
        if matches!(pace, Pace::Closed) {
            self.rigs.iter_mut().for_each(|rig| rig.submit(Instant::now()));
            self.rigs.iter_mut().for_each(Rig::flush);
        }
        let deadline = span.end() + PATIENCE;
        while self.is_busy(span) {
            ensure!(Instant::now() < deadline, "shares were not answered");
            let mut timeout = Duration::from_millis(100);
            if let Pace::Open(rate) = pace {
                timeout = Duration::from_micros(500);
                self.send_due(rate, span, &mut sent, &mut next, &mut seen);
            }
            self.turn(timeout, |rig, message, now| {
                let Message::Answer { accepted } = message else { return };
                let Some(share) = rig.waiting.pop_front() else { return };
                seen.see(share, accepted, now, span);
                if matches!(pace, Pace::Closed) && now < span.end() {
                    rig.submit(now);
                }
            })?;
        }
        Ok(seen)
    }

    /// Waits until every rig has a line that counts as the new job; when each came. Nothing is read before all have
    /// something: reading would take from the server's machine while it writes, and floors send nothing to be read.
    pub(crate) fn await_jobs(&mut self) -> anyhow::Result<Vec<Instant>> {
        let (deadline, mut came) = (Instant::now() + PATIENCE, vec![None; self.rigs.len()]);
        while came.contains(&None) {
            let mut heard = came.clone();
            let mut silent = heard.iter().filter(|heard| heard.is_none()).count();
            while silent > 0 {
                ensure!(Instant::now() < deadline, "{silent} of {} rigs got no new job", self.rigs.len());
                silent -= self.listen(&mut heard)?;
            }
            for ((rig, came), heard) in self.rigs.iter_mut().zip(&mut came).zip(heard) {
                let is_new = |message| matches!(message, Message::Job { clean: true } | Message::Answer { .. });
                if rig.messages()?.into_iter().any(is_new) {
                    *came = heard;
                }
            }
        }
        Ok(came.into_iter().flatten().collect())
    }

    /// Receives what is there, or what comes soon, and notes for each rig when it last received; how many had not before.
    fn listen(&mut self, heard: &mut [Option<Instant>]) -> anyhow::Result<usize> {
        let (mut events, mut new) = (Events::with_capacity(1_024), 0);
        self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in events.iter().filter(|event| event.is_readable()) {
            let Token(index) = event.token();
            self.rigs[index].fill(&mut self.buffer);
            new += usize::from(heard[index].replace(Instant::now()).is_none());
        }
        Ok(new)
    }

    fn is_busy(&self, span: Span) -> bool {
        let mut open = self.rigs.iter().filter(|rig| rig.is_open).peekable();
        open.peek().is_some() && (Instant::now() < span.end() || open.any(|rig| !rig.waiting.is_empty()))
    }

    /// Sends what is due by now, rig after rig.
    fn send_due(&mut self, rate: f64, span: Span, sent: &mut u64, next: &mut usize, seen: &mut Seen) {
        let until = Instant::now().min(span.end()).saturating_duration_since(span.begin);
        let due = (until.as_secs_f64() * rate) as u64;
        let first = *next;
        while *sent < due {
            let place = *next % self.rigs.len();
            let rig = &mut self.rigs[place];
            if rig.waiting.len() < WAITING {
                rig.submit(span.begin + Duration::from_secs_f64(*sent as f64 / rate));
            } else {
                seen.withheld += 1;
            }
            (*sent, *next) = (*sent + 1, *next + 1);
        }
        for index in first..(*next).min(first + self.rigs.len()) {
            let index = index % self.rigs.len();
            self.rigs[index].flush();
        }
    }

    /// Handles what is there, or what comes within `timeout`.
    fn turn(&mut self, timeout: Duration, mut on: impl FnMut(&mut Rig, Message, Instant)) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1_024);
        self.poll.poll(&mut events, Some(timeout))?;
        for event in &events {
            let rig = &mut self.rigs[event.token().0];
            if event.is_readable() {
                rig.fill(&mut self.buffer);
                let now = Instant::now();
                for message in rig.messages()? {
                    on(rig, message, now);
                }
            }
            rig.flush();
        }
        Ok(())
    }
}

impl Span {
    /// The end of the windows up to number `window`.
    pub(crate) fn end_of(&self, window: u32) -> Instant {
        self.counts + WINDOW * (window + 1)
    }

    fn end(&self) -> Instant {
        self.counts + WINDOW * self.windows
    }

    /// The window that `moment` falls into.
    fn window(&self, moment: Instant) -> Option<usize> {
        let since = moment.checked_duration_since(self.counts)?;
        let window = (since.as_nanos() / WINDOW.as_nanos()) as usize;
        (window < self.windows as usize).then_some(window)
    }
}

impl Seen {
    fn see(&mut self, share: Sent, accepted: bool, now: Instant, span: Span) {
        if !accepted {
            self.rejected += 1;
            return;
        }
        self.acknowledged.push(share.extranonce2);
        let Some(window) = span.window(now) else { return };
        let latency = now.saturating_duration_since(share.due).as_micros().min(u32::MAX.into()) as u32;
        self.latencies_us.resize(self.latencies_us.len().max(window + 1), Vec::new());
        self.latencies_us[window].push(latency);
    }

    pub(crate) fn join(mut self, other: Seen) -> Seen {
        self.latencies_us.resize(self.latencies_us.len().max(other.latencies_us.len()), Vec::new());
        for (mine, others) in self.latencies_us.iter_mut().zip(other.latencies_us) {
            mine.extend(others);
        }
        self.acknowledged.extend(other.acknowledged);
        self.rejected += other.rejected;
        self.withheld += other.withheld;
        self
    }
}
