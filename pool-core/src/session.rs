//! A Stratum session as a state machine: requests and jobs go in, replies and lines come out. No socket, no clock.
//!
//! Connected → Subscribed (has an extranonce1) and authorized (has workers), in either order → gets jobs, may submit.

mod judge;
mod memory;
mod sent;
mod software;
mod streak;
mod submission;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audit_core::{hash::BlockHash, header::VERSION_MASK, work::Level};
use serde_json::{Value, json};

pub(crate) use self::{
    judge::{Judged, judge},
    memory::Memory,
    streak::Consequence,
    submission::Submission,
};
use self::{sent::SentJobs, software::Software, streak::InvalidStreak};
use crate::{
    config::PoolConfig,
    listener::ListenerProfile,
    live_job::{LevelJob, LiveJob},
    lots::Lots,
    reject::RejectReason,
    stratum::{
        notify::{VERSION_ID, set_difficulty},
        reply,
        request::{Call, Configure, Login, Request},
        submit::SubmitTexts,
    },
    subscriptions::{Subscription, SubscriptionId},
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
    lots: Arc<Lots>,
    software: Software,
    /// Version bits that the worker may roll: none before `mining.configure`.
    version_mask: u32,
    vardiff: Vardiff,
    easiest_suggestion: Level,
    sent: SentJobs,
    difficulty: Option<Level>,
    prevhash: Option<BlockHash>,
    streak: InvalidStreak,
    /// How long every share may be invalid before something is done.
    patience: Duration,
    /// The job goes out again although it was sent.
    resend: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connected,
    Subscribed(SubscriptionId),
}

/// What follows from a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Write this line.
    Reply(String),
    /// Get a subscription, the one with this id if it is to be had, and call [`Session::subscribe`].
    Subscribe { resume: Option<String> },
    /// Nothing is said: it was a notification or an answer.
    Silence,
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
            lots: config.lots.clone(),
            software: Software::new(profile == ListenerProfile::Farm),
            version_mask: 0,
            vardiff: Vardiff::new(config.shares_per_minute, levels.easiest, levels.first, now),
            easiest_suggestion: levels.easiest_suggestion,
            sent: SentJobs::default(),
            difficulty: None,
            prevhash: None,
            streak: InvalidStreak::new(),
            patience: config.limits.invalid_patience,
            resend: false,
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

    /// A share was accepted.
    pub(crate) fn accepted(&mut self, claim: &Claim, now: Instant) {
        let level = claim.submission.job.level;
        claim.worker.leg.accepted(level);
        self.streak.end();
        self.vardiff.on_share(level, now);
    }

    /// A submission was rejected; its worker, if it was authorized.
    pub(crate) fn rejected(&mut self, reason: RejectReason, worker: Option<&Worker>, now: Instant) -> Consequence {
        if let Some(worker) = worker {
            worker.leg.rejected(reason);
        }
        let consequence = self.streak.on_reject(reason, self.patience, now);
        self.resend |= consequence == Consequence::Resend;
        consequence
    }

    /// Takes a request.
    pub(crate) fn handle(&mut self, request: &Request, now: Instant) -> Step {
        let id = &request.id;
        match &request.call {
            Call::Configure(configure) => Step::Reply(reply::ok(id, self.configure(configure, now))),
            Call::Subscribe { agent, resume } => {
                self.name_software(agent.as_deref());
                match &self.stage {
                    Stage::Connected => Step::Subscribe { resume: resume.clone() },
                    Stage::Subscribed(subscription) => Step::Reply(subscribed(id, subscription)),
                }
            }
            Call::Authorize(login) => self.authorize(id, login, now),
            Call::SuggestLevel(level) => {
                self.suggest(*level, now);
                // Firmware sends it as a notification too.
                if id.is_null() { Step::Silence } else { Step::Reply(reply::ok(id, json!(true))) }
            }
            Call::Answer(text) => {
                if id.as_u64() == Some(VERSION_ID) {
                    self.name_software(text.as_deref());
                }
                Step::Silence
            }
            Call::SubscribeExtranonce => Step::Reply(reply::ok(id, json!(true))),
            Call::GetTransactions => Step::Reply(reply::ok(id, json!([]))),
            Call::Ping => Step::Reply(reply::ok(id, json!("pong"))),
            Call::Submit(submit) => self.submit(&submit.texts()),
        }
    }

    /// Gives the session its subscription; the reply to `mining.subscribe`.
    pub(crate) fn subscribe(&mut self, id: &Value, subscription: Subscription, now: Instant) -> String {
        if let Some(Memory { sent, level, prevhash }) = subscription.memory {
            self.sent.remember(sent);
            self.prevhash = prevhash;
            if let Some(level) = level {
                self.suggest(level, now);
            }
        }
        self.stage = Stage::Subscribed(subscription.id);
        self.with_question(subscribed(id, &subscription.id))
    }

    /// The connection is over: which extranonce1 is free, and what whoever resumes it needs.
    pub(crate) fn end(self) -> Option<([u8; 4], Memory)> {
        let Stage::Subscribed(subscription) = self.stage else { return None };
        let memory = Memory { sent: self.sent.into_latest(), level: self.difficulty, prevhash: self.prevhash };
        Some((subscription.extranonce1(), memory))
    }

    /// The next thing to write about `job`, if the session is ready and has not been sent the job at its level. Every
    /// (job, level) goes out at most once, unless only invalid shares came back: firmware starts over on a repeated job and
    /// sends duplicates.
    pub(crate) fn announce(&mut self, job: &LiveJob, now: Instant) -> Option<Announcement> {
        if !self.is_ready() {
            return None;
        }
        let level = self.vardiff.level().min(job.hardest_level()?);
        self.vardiff.settle(level, now);
        let resend = std::mem::take(&mut self.resend);
        if !self.sent.insert(job.id_at(level)) && !resend {
            return None;
        }
        let job_at_level = job.at(level);
        let changed = self.difficulty.replace(level) != Some(level);
        let clean_jobs = self.prevhash.replace(job.row.prevhash) != Some(job.row.prevhash) || resend;
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
        answer.extend(configure.refused.iter().cloned());
        Value::Object(answer)
    }

    fn authorize(&mut self, id: &Value, login: &Login, now: Instant) -> Step {
        if self.worker(&login.name).is_none() {
            match Worker::new(login, &self.pseudonym_key, &self.lots) {
                Some(worker) if self.workers.len() < WORKERS_MAX => {
                    if let Some(agent) = self.software.agent() {
                        worker.leg.login(agent);
                    }
                    self.workers.push(Arc::new(worker));
                }
                _ => return Step::Reject(RejectReason::Unauthorized, None),
            }
            if let Some(level) = login.minimum_level {
                self.vardiff.raise_easiest(level, now);
            }
        }
        Step::Reply(self.with_question(reply::ok(id, json!(true))))
    }

    /// Counts who is logged in by the software, once that is known.
    fn name_software(&mut self, text: Option<&str>) {
        if let Some(agent) = text.and_then(|text| self.software.name(text)) {
            self.workers.iter().for_each(|worker| worker.leg.login(agent));
        }
    }

    /// A rig that is ready and has not said what it is, is asked behind `reply`.
    fn with_question(&mut self, reply: String) -> String {
        let question = if self.is_ready() { self.software.question() } else { None };
        reply + &question.unwrap_or_default()
    }

    /// Takes a submission.
    pub(crate) fn submit(&self, submit: &SubmitTexts<'_>) -> Step {
        let Stage::Subscribed(subscription) = &self.stage else {
            return Step::Reject(RejectReason::NotSubscribed, None);
        };
        let extranonce1 = subscription.extranonce1();
        let Some(worker) = self.worker(submit.worker) else { return Step::Reject(RejectReason::Unauthorized, None) };
        let read = Submission::read(submit, self.version_mask);
        let known = read.and_then(|submission| self.sent.check(&submission.job).map(|()| submission));
        match known {
            Ok(submission) => Step::Judge(Claim { worker: worker.clone(), extranonce1, submission }),
            Err(reason) => Step::Reject(reason, Some(worker.clone())),
        }
    }

    fn worker(&self, name: &str) -> Option<&Arc<Worker>> {
        self.workers.iter().find(|worker| worker.login == name)
    }
}

fn subscribed(id: &Value, subscription: &SubscriptionId) -> String {
    let name = subscription.to_string();
    let subscriptions = json!([["mining.set_difficulty", name], ["mining.notify", name]]);
    reply::ok(id, json!([subscriptions, hex::encode(subscription.extranonce1()), EXTRANONCE2_LEN]))
}

#[cfg(test)]
mod tests;
