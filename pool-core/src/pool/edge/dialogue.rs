//! A connection's lines → answers. No socket in sight.

use std::ops::ControlFlow;

use serde_json::Value;

use super::{end::End, turn::Turn};
use crate::{
    reject::RejectReason,
    session::{Claim, Consequence, Session, Step},
    stratum::{
        reply,
        request::{self, BadRequest, Request},
        submit,
    },
    worker::Worker,
};

/// A session and how its other side behaves.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) session: Session,
    garbage: u32,
}

impl Dialogue {
    pub(super) fn new(session: Session) -> Self {
        Self { session, garbage: 0 }
    }

    /// Answers a line.
    pub(super) fn take(&mut self, line: &[u8], turn: &mut Turn) -> ControlFlow<End> {
        if let Some(submit) = submit::parse(line) {
            let step = self.session.submit(&submit.texts);
            return self.follow(submit.id, step, turn);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return ControlFlow::Continue(());
        }
        match request::parse(line) {
            Ok(request) => self.on_request(&request, turn),
            Err(bad) => self.on_bad_request(&bad, turn),
        }
    }

    fn on_request(&mut self, request: &Request, turn: &mut Turn) -> ControlFlow<End> {
        let step = self.session.handle(request, turn.now);
        self.follow(&request.id.to_string(), step, turn)
    }

    /// Does what follows from a request; `id` is its id as JSON.
    fn follow(&mut self, id: &str, step: Step, turn: &mut Turn) -> ControlFlow<End> {
        match step {
            Step::Reply(reply) => turn.answers.push(&reply),
            Step::Silence => {}
            Step::Subscribe { resume } => match turn.floor.subscribe(resume.as_deref(), turn.now) {
                Ok(subscription) => {
                    turn.answers.push(&self.session.subscribe(&value(id), subscription, turn.now));
                }
                Err(error) => return ControlFlow::Break(error.into()),
            },
            Step::Judge(claim) => return self.judge(id, &claim, turn),
            Step::Reject(reason, worker) => {
                turn.reject(reason, worker.as_deref());
                return self.refuse(id, reason, worker.as_deref(), turn);
            }
        }
        ControlFlow::Continue(())
    }

    fn judge(&mut self, id: &str, claim: &Claim, turn: &mut Turn) -> ControlFlow<End> {
        match turn.judge(claim) {
            Err(reason) => self.refuse(id, reason, Some(&claim.worker), turn),
            Ok(()) => {
                self.session.accepted(claim, turn.now);
                turn.answers.accept(id);
                ControlFlow::Continue(())
            }
        }
    }

    fn refuse(&mut self, id: &str, reason: RejectReason, worker: Option<&Worker>, turn: &mut Turn) -> ControlFlow<End> {
        let consequence = self.session.rejected(reason, worker, turn.now);
        if consequence == Consequence::Drop {
            return ControlFlow::Break(End::Invalid);
        }
        turn.answers.push(&reply::error(&value(id), reason, reason.text()));
        turn.answers.push(&consequence.lines());
        ControlFlow::Continue(())
    }

    fn on_bad_request(&mut self, bad: &BadRequest, turn: &mut Turn) -> ControlFlow<End> {
        turn.floor.counters.rejected(RejectReason::Malformed);
        self.garbage += u32::from(bad.garbage);
        if self.garbage > turn.floor.config.limits.garbage_lines {
            return ControlFlow::Break(End::Garbage);
        }
        turn.answers.push(&reply::error(&bad.id, RejectReason::Malformed, &bad.text));
        ControlFlow::Continue(())
    }
}

/// An id that was read before.
fn value(id: &str) -> Value {
    serde_json::from_str(id).unwrap_or_default()
}
