//! Payouts: what contracts are owed is paid on chain, once.
//!
//! In scope: planning, signing, broadcasting and following payouts until they are final, in the log and in the book. Out of
//! scope: what is owed (`crate::settlement`), the file that others verify (`audit_core::payout`).
//!
//! Each state is stored before the step that it names is taken, and every step can be repeated:
//! 1. *planned*: rows, reserved coins, the unsigned transaction and the posting that takes the credits off what is owed,
//!    in one database transaction. A crash before leaves nothing, one after leaves a plan that is gone on with;
//! 2. *signed*: the signed transaction is stored before any node sees it. Signed again after a crash it has the same txid;
//! 3. *broadcast*: a node took it. Handing it in again is harmless, so that is done whenever in doubt;
//! 4. *confirmed*: one of its attempts is in a block. A reorganisation takes it back to 3;
//! 5. *logged*: with so many blocks on top, the file is written, then entry, state and posting in one transaction.
//!
//! All attempts of a payout spend the same coins, and no coin is reserved for two payouts: whatever is mined, each credit is
//! paid once.

mod conclude;
mod draft;
mod fees;
mod keys;
mod outside;
mod plan;
pub(crate) mod postings;
mod settings;
mod step;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use audit_core::hash::BlockHash;
use pool_core::node::Node;
use tokio_util::sync::CancellationToken;

use crate::clock::now_ms;
use crate::db::payouts::{self, Payout, State};
use crate::db::{Database, settlements};
use crate::engine::{Backoff, pause};
use crate::evidence::EvidenceStore;
use crate::tlog::Sequencer;

pub use fees::FeeRate;
pub use keys::{KeyError, PayoutKeys};
pub use outside::Refused;
pub use settings::PayoutSettings;
pub(crate) use watch::Scan;
#[cfg(test)]
pub(crate) use watch::branch;

/// How often payouts are looked at.
const POLL: Duration = Duration::from_secs(2);
/// After how long a payout that nobody mined is handed to the node again: it may have forgotten it.
const REBROADCAST: Duration = Duration::from_secs(60);
/// How long after an attempt that paid nobody the next one is made.
const RETRY_PLAN: Duration = Duration::from_secs(60);
/// A logged payout is followed for as long as a reorganisation is thinkable: the depth at which rewards mature.
const FOLLOWED: u32 = 100;

/// Pays. Cheap to clone; what changes a payout is done by one at a time.
#[derive(Clone)]
pub(crate) struct Payouts {
    pub database: Database,
    pub sequencer: Sequencer,
    pub store: EvidenceStore,
    pub node: Arc<dyn Node>,
    pub settings: Arc<PayoutSettings>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What the task remembers between rounds; all of it can be forgotten.
#[derive(Default)]
struct Memory {
    scan: Scan,
    handed_in: HashMap<u64, Instant>,
    planned: Option<Instant>,
}

impl Payouts {
    pub(crate) fn new(
        database: Database,
        sequencer: Sequencer,
        store: EvidenceStore,
        node: Arc<dyn Node>,
        settings: Arc<PayoutSettings>,
    ) -> Self {
        Self { database, sequencer, store, node, settings, turn: Arc::default() }
    }

    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// A contradiction in what is stored; see `crate::engine`.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<()> {
        let (mut memory, mut backoff) = (Memory::default(), Backoff::default());
        while pause(POLL.min(self.settings.every), &stop).await {
            backoff.after(self.round(&mut memory).await, &stop).await?;
        }
        Ok(())
    }

    /// Plans what is due, finds what was mined, and takes every payout as far as it goes.
    async fn round(&self, memory: &mut Memory) -> Result<()> {
        if self.is_due(memory).await? {
            memory.planned = Some(Instant::now());
            while self.plan_next().await?.is_some() {}
        }
        let _turn = self.turn.lock().await;
        self.find(memory).await?;
        for payout in self.open().await? {
            self.go_on(payout, memory).await?;
        }
        Ok(())
    }

    /// Payouts that may still change.
    async fn open(&self) -> Result<Vec<Payout>> {
        let tip = self.node.tip().await?;
        Ok(payouts::open(self.database.pool(), tip.height.saturating_sub(FOLLOWED)).await?)
    }

    /// One payout, step by step until there is nothing to do now.
    async fn go_on(&self, mut payout: Payout, memory: &mut Memory) -> Result<()> {
        while self.step(&payout, memory).await? {
            let Some(changed) = payouts::by_number(self.database.pool(), payout.payout).await? else { return Ok(()) };
            payout = changed;
        }
        Ok(())
    }

    /// Notes which payouts left the chain, and where others are in it now.
    async fn find(&self, memory: &mut Memory) -> Result<()> {
        let mut sought = HashMap::<BlockHash, u64>::new();
        let mut lowest = u32::MAX;
        for payout in self.open().await? {
            if self.is_in_place(&payout).await? {
                continue;
            }
            if payout.state == State::Confirmed {
                self.take_back(&payout).await?;
            }
            memory.handed_in.remove(&payout.payout);
            lowest = lowest.min(payout.mined.as_ref().map_or(payout.planned_height, |mined| mined.height));
            for attempt in payouts::attempts(self.database.pool(), payout.payout).await? {
                sought.insert(attempt.txid, payout.payout);
            }
        }
        if sought.is_empty() {
            memory.scan = Scan::default();
            return Ok(());
        }
        for (payout, mined) in memory.scan.look(&*self.node, lowest, &sought).await? {
            self.note_mined(payout, &mined).await?;
        }
        Ok(())
    }

    /// Whether a payout's transaction is in the block that it was seen in.
    async fn is_in_place(&self, payout: &Payout) -> Result<bool> {
        let Some(mined) = payout.mined.as_ref().filter(|_| payout.state >= State::Confirmed) else { return Ok(false) };
        Ok(self.node.block_hash_at(mined.height).await? == Some(mined.block))
    }

    async fn is_due(&self, memory: &Memory) -> Result<bool> {
        if memory.planned.is_some_and(|planned| planned.elapsed() < RETRY_PLAN.min(self.settings.every)) {
            return Ok(false);
        }
        let pool = self.database.pool();
        let last = payouts::last(pool).await?.map_or(0, |last| last.created_ms);
        let every_ms = u64::try_from(self.settings.every.as_millis())?;
        Ok(now_ms() >= last.saturating_add(every_ms) && settlements::count(pool).await? > 0)
    }
}
