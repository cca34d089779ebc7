//! Threads that recompute shares.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
};

use audit_core::audit::{CountError, CountTask, Counted, Counters, Evidence, count};

use super::{cache::Cache, wait::wait};

/// The counters of some threads, which end with `work`. Results that the cache has are not computed again; new ones
/// without failures go into it.
pub(super) fn with_threads<E: Evidence + Sync, T>(
    threads: usize,
    evidence: &E,
    cache: Option<&Cache>,
    work: impl FnOnce(&Threads) -> T,
) -> T {
    let counters = Threads { threads, queue: Mutex::default(), changed: Condvar::new() };
    thread::scope(|scope| {
        for number in 0..threads {
            let counting = || counters.count_all(evidence, cache);
            let started = thread::Builder::new().name(format!("count {number}")).spawn_scoped(scope, counting);
            // Fewer threads than wished for are enough, as long as there is one.
            if started.is_err() && number == 0 {
                counters.end();
            }
        }
        let result = work(&counters);
        counters.end();
        result
    })
}

/// Tasks for the threads.
pub(super) struct Threads {
    threads: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    orders: VecDeque<Order>,
    ended: bool,
}

struct Order {
    task: CountTask,
    answer: Promise,
}

/// An answer that will be given, and be it by a thread that panics.
struct Promise(Arc<Mutex<Answer>>);

#[derive(Default)]
struct Answer {
    result: Option<Result<Counted, CountError>>,
    waker: Option<Waker>,
}

impl Counters for Threads {
    fn lanes(&self) -> usize {
        self.threads
    }

    async fn count(&self, task: CountTask) -> Result<Counted, CountError> {
        let answer = Arc::<Mutex<Answer>>::default();
        {
            let mut queue = locked(&self.queue);
            if queue.ended {
                return Err(CountError("no thread could be started".into()));
            }
            queue.orders.push_back(Order { task, answer: Promise(answer.clone()) });
        }
        self.changed.notify_one();
        poll_fn(|context| {
            let mut answer = locked(&answer);
            match answer.result.take() {
                Some(result) => Poll::Ready(result),
                None => {
                    answer.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Threads {
    /// One thread's life.
    fn count_all<E: Evidence>(&self, evidence: &E, cache: Option<&Cache>) {
        while let Some(Order { task, answer }) = self.next() {
            answer.keep(counted(evidence, cache, &task));
        }
    }

    /// The next task; `None` when there will be no more.
    fn next(&self) -> Option<Order> {
        let mut queue = locked(&self.queue);
        loop {
            if let Some(order) = queue.orders.pop_front() {
                return Some(order);
            }
            if queue.ended {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self) {
        locked(&self.queue).ended = true;
        self.changed.notify_all();
    }
}

impl Promise {
    fn keep(&self, result: Result<Counted, CountError>) {
        let mut answer = locked(&self.0);
        answer.result.get_or_insert(result);
        if let Some(waker) = answer.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if thread::panicking() {
            self.keep(Err(CountError("a thread panicked".into())));
        }
    }
}

fn counted<E: Evidence>(evidence: &E, cache: Option<&Cache>, task: &CountTask) -> Result<Counted, CountError> {
    let Some(cache) = cache else { return wait(count(evidence, task)) };
    if let Some(counted) = cache.get(task) {
        return Ok(counted);
    }
    let counted = wait(count(evidence, task))?;
    if counted.failures.is_empty() {
        cache.put(task, &counted);
    }
    Ok(counted)
}

/// A thread that panicked has left nothing half done in what these locks guard.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
