//! One leg of hashrate's way: what a lot's rigs submitted, and what became of it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use audit_core::work::{Level, Work};

use super::agents::Agent;
use crate::reject::RejectReason;

/// What arrived on a leg since the pool started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LegStats {
    /// Shares acknowledged.
    pub accepted: u64,
    /// Their work.
    pub work: Work,
    /// Submissions of authorized workers that were rejected, by reason; reasons that never occurred are absent.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Logins by what the rigs call their software. At most 32 names, all others together as `others`; rigs that name
    /// none are not counted.
    pub agents: BTreeMap<String, u64>,
}

/// The counters behind [`LegStats`].
#[derive(Debug, Default)]
pub(crate) struct Leg(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Shares: their work is only worked out when somebody asks for it.
    accepted: BTreeMap<Level, u64>,
    rejected: BTreeMap<RejectReason, u64>,
    agents: BTreeMap<String, u64>,
}

impl LegStats {
    /// All submissions.
    pub fn received(&self) -> u64 {
        self.accepted + self.rejected.values().sum::<u64>()
    }
}

impl Leg {
    pub(crate) fn accepted(&self, level: Level) {
        *self.lock().accepted.entry(level).or_default() += 1;
    }

    pub(crate) fn rejected(&self, reason: RejectReason) {
        *self.lock().rejected.entry(reason).or_default() += 1;
    }

    /// A worker of this software has logged in.
    pub(crate) fn login(&self, agent: &Agent) {
        agent.count(&mut self.lock().agents);
    }

    pub(super) fn stats(&self) -> LegStats {
        let counts = self.lock();
        let works = counts.accepted.iter().map(|(level, count)| level.work().get().saturating_mul(u128::from(*count)));
        LegStats {
            accepted: counts.accepted.values().sum(),
            work: Work::new(works.fold(0, u128::saturating_add)),
            rejected: counts.rejected.clone(),
            agents: counts.agents.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A leg is itself.
impl PartialEq for Leg {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Leg {}
