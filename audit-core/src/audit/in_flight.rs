//! Tasks under way: several at once, their results in order.

use alloc::{boxed::Box, collections::VecDeque};
use core::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use super::{CountError, CountTask, Counted, Counters, Depth, Evidence, evidence::Source, log::Log, plan::Plan};

/// Results that may wait for the one before them, for each task that is under way: enough for lanes not to stand idle
/// behind a slow one, and still few.
const AHEAD: usize = 4;

type Running<'a> = Pin<Box<dyn Future<Output = Result<Counted, CountError>> + 'a>>;

enum State<'a> {
    Running(Running<'a>),
    Done(Result<Counted, CountError>),
}

/// The plan's tasks, started as lanes become free.
pub(super) struct InFlight<'a, C> {
    counters: &'a C,
    plan: core::iter::Peekable<Plan<'a>>,
    /// With the epoch of each.
    queue: VecDeque<(u64, State<'a>)>,
}

impl<'a, C: Counters> InFlight<'a, C> {
    pub(super) fn new(counters: &'a C, log: &'a Log, depth: Depth) -> Self {
        Self { counters, plan: Plan::new(log, depth).peekable(), queue: VecDeque::new() }
    }

    /// The result of the next task, if that is one of this epoch.
    pub(super) async fn next_of<E: Evidence>(
        &mut self,
        epoch: u64,
        source: &mut Source<'_, E>,
    ) -> Option<Result<Counted, CountError>> {
        let next = self.queue.front().map(|(epoch, _)| *epoch);
        let next = next.or_else(|| self.plan.peek().map(|task| task.close.epoch));
        if next != Some(epoch) {
            return None;
        }
        poll_fn(|context| self.poll(context, source)).await
    }

    /// Does a task of its own, behind those of the plan.
    pub(super) async fn also<E: Evidence>(
        &mut self,
        task: CountTask,
        source: &mut Source<'_, E>,
    ) -> Result<Counted, CountError> {
        let result = self.counters.count(task).await;
        source.counted(&result);
        result
    }

    fn poll<E: Evidence>(
        &mut self,
        context: &mut Context<'_>,
        source: &mut Source<'_, E>,
    ) -> Poll<Option<Result<Counted, CountError>>> {
        let lanes = self.counters.lanes().max(1);
        loop {
            let mut running = 0;
            for (_, state) in &mut self.queue {
                let State::Running(future) = state else { continue };
                match future.as_mut().poll(context) {
                    Poll::Ready(result) => {
                        source.counted(&result);
                        *state = State::Done(result);
                    }
                    Poll::Pending => running += 1,
                }
            }
            let done = |(_, state): &mut (u64, State<'a>)| matches!(state, State::Done(_));
            if let Some((_, State::Done(result))) = self.queue.pop_front_if(done) {
                return Poll::Ready(Some(result));
            }
            let free = running < lanes && self.queue.len() < AHEAD * lanes;
            match self.plan.next_if(|_| free) {
                Some(task) => {
                    let (counters, epoch) = (self.counters, task.close.epoch);
                    self.queue.push_back((epoch, State::Running(Box::pin(counters.count(task)))));
                }
                None if self.queue.is_empty() => return Poll::Ready(None),
                None => return Poll::Pending,
            }
        }
    }
}
