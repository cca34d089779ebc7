//! One step of one payout.

use std::time::Instant;

use anyhow::{Context, Result};
use bitcoin::consensus::encode;

use super::fees::{FeeRate, TARGET_BLOCKS, choose, raised};
use super::plan::{Bounds, Plan, plan};
use super::{Memory, Payouts, REBROADCAST, draft, postings};
use crate::clock::now_ms;
use crate::db::payouts::{self, Attempt, Mined, Payout, SignedAttempt, Signer, State};
use crate::db::{ledger, settlements};

/// A day, over which the server's own signatures are limited.
const DAY_MS: u64 = 86_400_000;
/// So many blocks without a payout, and its fee is looked at again.
const PATIENCE_BLOCKS: u32 = 6;

impl Payouts {
    /// Takes the next step of a payout; `false` when there is none to take now.
    pub(super) async fn step(&self, payout: &Payout, memory: &mut Memory) -> Result<bool> {
        match payout.state {
            State::Planned => self.sign(payout).await,
            State::Signed => self.broadcast(payout, memory).await,
            State::Broadcast => Ok(self.raise_if_stuck(payout).await? || self.broadcast(payout, memory).await?),
            State::Confirmed => self.conclude(payout).await,
            State::Logged if !self.is_in_place(payout).await? => self.broadcast(payout, memory).await,
            State::Logged | State::Cancelled => Ok(false),
        }
    }

    /// Plans the next batch in one transaction: rows, coins, the unsigned transaction, the posting.
    pub(super) async fn plan_next(&self) -> Result<Option<u64>> {
        let _turn = self.turn.lock().await;
        let tip = self.node.tip().await?;
        let rate = choose(self.node.fee_estimate(TARGET_BLOCKS).await.unwrap_or_default(), self.settings.fee_cap);
        let bounds = self.bounds(rate)?;
        let number = payouts::last(self.database.pool()).await?.map_or(1, |last| last.payout + 1);
        let settled = settlements::count(self.database.pool()).await?;
        let mut tx = self.database.begin().await?;
        let (owed, coins) = (payouts::owed(&mut tx).await?, payouts::spendable_coins(&mut tx).await?);
        let Some(plan) = plan(&owed, &coins, &bounds).filter(|_| settled > 0) else { return Ok(None) };
        let attempt = draft::first(number, &plan, &self.settings.keys)?;
        let payout = self.payout(number, &plan, tip.height, settled);
        payouts::insert(&mut tx, &payout, &plan.rows, &plan.inputs).await?;
        payouts::insert_attempt(&mut tx, &attempt).await?;
        ledger::post(&mut tx, &postings::planned(number, attempt.txid, &plan.rows, payout.created_ms)).await?;
        tx.commit().await?;
        tracing::info!(payout = number, sats = plan.total.get(), outputs = plan.outputs.len(), "payout planned");
        Ok(Some(number))
    }

    fn bounds(&self, rate: FeeRate) -> Result<Bounds> {
        let settings = &self.settings;
        Ok(Bounds {
            threshold: settings.threshold,
            outputs: settings.outputs,
            total: settings.day_limit,
            rate,
            input_weight: settings.keys.input_weight().context("the descriptor can't be spent from")?,
            change_script: settings.keys.script(),
            now_ms: now_ms(),
        })
    }

    fn payout(&self, number: u64, plan: &Plan, planned_height: u32, settled: u64) -> Payout {
        Payout {
            payout: number,
            state: State::Planned,
            created_ms: now_ms(),
            planned_height,
            settlements: (plan.from_settlement.min(settled), settled),
            total: plan.total,
            needs_approval: self.settings.approval_above.is_some_and(|limit| plan.total > limit),
            approved_ms: None,
            handed_out_ms: None,
            mined: None,
            entry_index: None,
        }
    }

    /// Signs with the server's own keys, when there are any and both limits allow it.
    async fn sign(&self, payout: &Payout) -> Result<bool> {
        let waits = payout.needs_approval && payout.approved_ms.is_none();
        if waits || !self.settings.keys.can_sign() {
            return Ok(false);
        }
        if !self.is_within_the_day(payout).await? {
            return Ok(false);
        }
        let attempt = self.newest(payout).await?;
        let transaction = self.settings.keys.sign(draft::psbt(&attempt)?)?;
        self.store_signed(&attempt, &encode::serialize(&transaction), Signer::Server).await
    }

    /// Whether the server may sign this by itself today. What it has signed once has been counted with that attempt.
    async fn is_within_the_day(&self, payout: &Payout) -> Result<bool> {
        let pool = self.database.pool();
        let attempts = payouts::attempts(pool, payout.payout).await?;
        let by_server = |signed: &SignedAttempt| signed.signer == Signer::Server;
        if attempts.iter().any(|attempt| attempt.signed.as_ref().is_some_and(by_server)) {
            return Ok(true);
        }
        let signed = payouts::signed_by_server_since(pool, now_ms().saturating_sub(DAY_MS)).await?;
        let sum = signed.checked_add(payout.total);
        Ok(sum.is_some_and(|sum| sum <= self.settings.day_limit))
    }

    /// Stores signatures before anybody sees them.
    pub(super) async fn store_signed(&self, attempt: &Attempt, transaction: &[u8], signer: Signer) -> Result<bool> {
        let by = SignedAttempt { transaction: transaction.to_vec(), signed_ms: now_ms(), signer };
        let mut tx = self.database.begin().await?;
        let stored = payouts::sign(&mut tx, attempt.payout, attempt.attempt, &by).await?
            && payouts::advance(&mut tx, attempt.payout, State::Planned, State::Signed).await?;
        if stored {
            tx.commit().await?;
            tracing::info!(payout = attempt.payout, txid = %attempt.txid, signer = signer.as_str(), "payout signed");
        }
        Ok(stored)
    }

    /// Hands the newest signed attempt to the node, unless that was done a moment ago.
    async fn broadcast(&self, payout: &Payout, memory: &mut Memory) -> Result<bool> {
        let recently = memory.handed_in.get(&payout.payout).is_some_and(|since| since.elapsed() < REBROADCAST);
        if recently && payout.state != State::Signed {
            return Ok(false);
        }
        let attempts = payouts::attempts(self.database.pool(), payout.payout).await?;
        let signed = attempts.iter().rev().find_map(|attempt| attempt.signed.as_ref());
        let Some(signed) = signed else { return Ok(false) };
        memory.handed_in.insert(payout.payout, Instant::now());
        if let Err(error) = self.node.broadcast(&signed.transaction).await {
            tracing::warn!(payout = payout.payout, %error, "no node takes the payout, it will be handed in again");
            return Ok(false);
        }
        let mut tx = self.database.begin().await?;
        let moved = payouts::advance(&mut tx, payout.payout, State::Signed, State::Broadcast).await?;
        tx.commit().await?;
        Ok(moved)
    }

    /// Offers miners more when they pass a payout over.
    async fn raise_if_stuck(&self, payout: &Payout) -> Result<bool> {
        Ok(self.is_stuck(payout).await? && self.raise(payout, None).await?.is_some())
    }

    async fn is_stuck(&self, payout: &Payout) -> Result<bool> {
        let waited = self.node.tip().await?.height.saturating_sub(payout.planned_height);
        if waited < PATIENCE_BLOCKS || !self.settings.keys.can_sign() {
            return Ok(false);
        }
        let Some(estimate) = self.node.fee_estimate(TARGET_BLOCKS).await.unwrap_or_default() else { return Ok(false) };
        let attempt = self.newest(payout).await?;
        // A quarter more: small movements of the estimate are no reason to replace.
        let offered = attempt.fee.get().saturating_mul(5) / 4;
        Ok(choose(Some(estimate), self.settings.fee_cap).fee(attempt.vsize).get() > offered)
    }

    /// Replaces a payout's transaction by one with a higher fee, which is signed next. `None` when there is no room for it
    /// under the cap or in the change.
    pub(super) async fn raise(&self, payout: &Payout, wanted: Option<FeeRate>) -> Result<Option<Attempt>> {
        let last = self.newest(payout).await?;
        let cap = self.settings.fee_cap;
        let estimate = self.node.fee_estimate(TARGET_BLOCKS).await.unwrap_or_default();
        let wanted = wanted.unwrap_or_else(|| choose(estimate, cap));
        let Some(fee) = raised(last.fee, last.vsize, wanted, cap) else { return Ok(None) };
        let inputs = payouts::inputs(self.database.pool(), payout.payout).await?;
        let Some(attempt) = draft::replacement(&last, &inputs, fee, &self.settings.keys)? else { return Ok(None) };
        let mut tx = self.database.begin().await?;
        payouts::insert_attempt(&mut tx, &attempt).await?;
        if !payouts::advance(&mut tx, payout.payout, payout.state, State::Planned).await? {
            return Ok(None);
        }
        tx.commit().await?;
        tracing::info!(payout = payout.payout, txid = %attempt.txid, fee_sats = fee.get(), "payout replaced");
        Ok(Some(attempt))
    }

    /// A payout was found in a block.
    pub(super) async fn note_mined(&self, payout: u64, mined: &Mined) -> Result<()> {
        let Some(row) = payouts::by_number(self.database.pool(), payout).await? else { return Ok(()) };
        if row.state == State::Logged {
            // Before the row: after a crash in between the block is found, and the file written, once more.
            self.write_file(payout, mined).await?;
        }
        let mut tx = self.database.begin().await?;
        payouts::mine(&mut tx, payout, row.state, mined).await?;
        tx.commit().await?;
        tracing::info!(payout, txid = %mined.txid, height = mined.height, "payout is in a block");
        Ok(())
    }

    /// The block that a payout was in left the chain.
    pub(super) async fn take_back(&self, payout: &Payout) -> Result<()> {
        let mut tx = self.database.begin().await?;
        payouts::advance(&mut tx, payout.payout, State::Confirmed, State::Broadcast).await?;
        tx.commit().await?;
        tracing::warn!(payout = payout.payout, "reorganisation: the payout's block left the chain");
        Ok(())
    }

    pub(super) async fn newest(&self, payout: &Payout) -> Result<Attempt> {
        let attempts = payouts::attempts(self.database.pool(), payout.payout).await?;
        attempts.into_iter().next_back().context("a payout without an attempt")
    }
}
