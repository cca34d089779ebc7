//! A Stratum session as a state machine: requests and jobs go in, replies and lines come out. No socket, no clock.
//!
//! Connected → Subscribed (has an extranonce1) and authorized (has workers), in either order → gets jobs, may submit.

mod judge;
mod sent;
mod submission;

use std::{sync::Arc, time::Instant};

use audit_core::{hash::BlockHash, header::VERSION_MASK, work::Level};
use serde_json::{Value, json};

use self::sent::SentJobs;
pub(crate) use self::{
    judge::{Judged, judge},
    submission::Submission,
};
use crate::{
    config::PoolConfig,
    listener::ListenerProfile,
    live_job::{LevelJob, LiveJob},
    reject::RejectReason,
    stratum::{
        notify::set_difficulty,
        reply,
        request::{Call, Configure, Request, Submit},
    },
    vardiff::Vardiff,
    worker::Worker,
};

/// Bytes of extranonce2. Rental markets take a few of them for themselves and ask for at least 7.
const EXTRANONCE2_LEN: usize = 8;
/// Workers that one connection may authorize; a proxy brings a few dozen.
const WORKERS_MAX: usize = 256;

/// One connection's protocol state.
#[derive(Debug)]
pub(crate) struct Session {
    stage: Stage,
    workers: Vec<Arc<Worker>>,
    pseudonym_key: [u8; 32],
    /// Version bits that the worker may roll: none before `mining.configure`.
    version_mask: u32,
    vardiff: Vardiff,
    easiest_suggestion: Level,
    sent: SentJobs,
    difficulty: Option<Level>,
    prevhash: Option<BlockHash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connected,
    Subscribed([u8; 4]),
}

/// What follows from a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Write this line.
    Reply(String),
    /// Get an extranonce1 and call [`Session::subscribe`].
    Subscribe,
    /// Judge this against the jobs, then reply.
    Judge(Claim),
    /// It is no share, whatever the jobs are. With the worker where one is authorized.
    Reject(RejectReason, Option<Arc<Worker>>),
}

/// A submission in good form by an authorized worker.
#[derive(Debug, PartialEq)]
pub(crate) struct Claim {
    pub(crate) worker: Arc<Worker>,
    pub(crate) extranonce1: [u8; 4],
    pub(crate) submission: Submission,
}

/// A job to be written to the session once its level is in the journal.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) job: Arc<LevelJob>,
    pub(crate) set_difficulty: Option<String>,
    pub(crate) clean_jobs: bool,
}

impl Session {
    pub(crate) fn new(config: &PoolConfig, profile: ListenerProfile, now: Instant) -> Self {
        let levels = profile.levels(config);
        Self {
            stage: Stage::Connected,
            workers: Vec::new(),
            pseudonym_key: config.pseudonym_key,
            version_mask: 0,
            vardiff: Vardiff::new(config.shares_per_minute, levels.easiest, levels.first, now),
            easiest_suggestion: levels.easiest_suggestion,
            sent: SentJobs::default(),
            difficulty: None,
            prevhash: None,
        }
    }

    /// Whether it is subscribed and has a worker: others get no jobs and are disconnected after a while.
    pub(crate) fn is_ready(&self) -> bool {
        self.stage != Stage::Connected && !self.workers.is_empty()
    }

    /// When to call [`Session::tick`] next.
    pub(crate) fn due(&self) -> Instant {
        self.vardiff.due()
    }

    /// Time has passed: a session that brings no shares for its job gets easier ones.
    pub(crate) fn tick(&mut self, now: Instant) {
        match self.difficulty {
            Some(_) => self.vardiff.judge(now),
            // Without a job its silence says nothing.
            None => self.vardiff.suggest(self.vardiff.level(), now),
        }
    }

    /// A share of `level` was accepted.
    pub(crate) fn accepted(&mut self, level: Level, now: Instant) {
        self.vardiff.on_share(level, now);
    }

    /// Takes a request.
    pub(crate) fn handle(&mut self, request: &Request, now: Instant) -> Step {
        let id = &request.id;
        match &request.call {
            Call::Configure(configure) => Step::Reply(reply::ok(id, self.configure(configure, now))),
            Call::Subscribe => match self.stage {
                Stage::Connected => Step::Subscribe,
                Stage::Subscribed(extranonce1) => Step::Reply(subscribed(id, extranonce1)),
            },
            Call::Authorize { worker } => self.authorize(id, worker),
            Call::SuggestDifficulty(level) => {
                self.suggest(*level, now);
                Step::Reply(reply::ok(id, json!(true)))
            }
            Call::SubscribeExtranonce => Step::Reply(reply::ok(id, json!(true))),
            Call::GetTransactions => Step::Reply(reply::ok(id, json!([]))),
            Call::Ping => Step::Reply(reply::ok(id, json!("pong"))),
            Call::Submit(submit) => self.submit(submit),
        }
    }

    /// Gives the session its extranonce1; the reply to `mining.subscribe`.
    pub(crate) fn subscribe(&mut self, id: &Value, extranonce1: [u8; 4]) -> String {
        self.stage = Stage::Subscribed(extranonce1);
        subscribed(id, extranonce1)
    }

    /// The next thing to write about `job`, if the session is ready and has not been sent the job at its level. Every
    /// (job, level) goes out at most once: firmware starts over on a repeated job and sends duplicates.
    pub(crate) fn announce(&mut self, job: &LiveJob, now: Instant) -> Option<Announcement> {
        if !self.is_ready() {
            return None;
        }
        let level = self.vardiff.level().min(job.hardest_level()?);
        self.vardiff.settle(level, now);
        let job_at_level = job.at(level);
        if !self.sent.insert(job_at_level.id) {
            return None;
        }
        let changed = self.difficulty.replace(level) != Some(level);
        let clean_jobs = self.prevhash.replace(job.row.prevhash) != Some(job.row.prevhash);
        Some(Announcement { job: job_at_level, set_difficulty: changed.then(|| set_difficulty(level)), clean_jobs })
    }

    fn suggest(&mut self, level: Level, now: Instant) {
        if level >= self.easiest_suggestion {
            self.vardiff.suggest(level, now);
        }
    }

    fn configure(&mut self, configure: &Configure, now: Instant) -> Value {
        let mut answer = serde_json::Map::new();
        if let Some(mask) = configure.version_mask {
            self.version_mask = mask & VERSION_MASK;
            answer.insert("version-rolling".into(), json!(self.version_mask != 0));
            answer.insert("version-rolling.mask".into(), json!(format!("{:08x}", self.version_mask)));
        }
        if let Some(level) = configure.minimum_level {
            self.vardiff.raise_easiest(level, now);
            answer.insert("minimum-difficulty".into(), json!(true));
        }
        if configure.subscribe_extranonce {
            answer.insert("subscribe-extranonce".into(), json!(true));
        }
        answer.extend(configure.unknown.iter().map(|name| (name.clone(), json!(false))));
        Value::Object(answer)
    }

    fn authorize(&mut self, id: &Value, name: &str) -> Step {
        if self.worker(name).is_none() {
            match Worker::new(name, &self.pseudonym_key) {
                Some(worker) if self.workers.len() < WORKERS_MAX => self.workers.push(Arc::new(worker)),
                _ => return Step::Reject(RejectReason::Unauthorized, None),
            }
        }
        Step::Reply(reply::ok(id, json!(true)))
    }

    fn submit(&self, submit: &Submit) -> Step {
        let Stage::Subscribed(extranonce1) = self.stage else { return Step::Reject(RejectReason::NotSubscribed, None) };
        let Some(worker) = self.worker(&submit.worker) else { return Step::Reject(RejectReason::Unauthorized, None) };
        let read = Submission::read(submit, self.version_mask);
        let known = read.and_then(|submission| self.sent.check(&submission.job).map(|()| submission));
        match known {
            Ok(submission) => Step::Judge(Claim { worker: worker.clone(), extranonce1, submission }),
            Err(reason) => Step::Reject(reason, Some(worker.clone())),
        }
    }

    fn worker(&self, name: &str) -> Option<&Arc<Worker>> {
        self.workers.iter().find(|worker| worker.name == name)
    }
}

fn subscribed(id: &Value, extranonce1: [u8; 4]) -> String {
    let name = hex::encode(extranonce1);
    let subscriptions = json!([["mining.set_difficulty", name], ["mining.notify", name]]);
    reply::ok(id, json!([subscriptions, name, EXTRANONCE2_LEN]))
}

#[cfg(test)]
mod tests;
