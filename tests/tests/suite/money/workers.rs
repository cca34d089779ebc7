//! Work: shares, blocks, what matures, and how payouts follow.
//!
//! Every second hash is a block here, so one is mined at a time: a free-running rig finds thousands of siblings on each tip.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use audit_core::entry::Entry;
use audit_core::hash::BlockHash;
use serde_json::Value;
use tests::evidence::Log;
use tests::poll::{MINED, SOON, until};
use tests::stratum::Session;

use super::market::{ACCRUAL_EPOCHS, Market, THRESHOLD_SATS};

impl Market {
    /// Blocks of ours.
    pub(super) async fn mine(&self, blocks: u64) -> anyhow::Result<()> {
        if blocks == 0 {
            return Ok(());
        }
        let mut worker = Session::open(self.server.stratum(), "test.worker").await?;
        for _ in 0..blocks {
            worker.mine_block().await?;
        }
        Ok(())
    }

    /// Shares without luck, then blocks, in epochs that every contract is in.
    pub(super) async fn work(&self, shares: u64, blocks: u64) -> anyhow::Result<()> {
        // The first of them may have opened before the last contract did, and rigs get its jobs a moment later.
        self.wait_for_epochs(2).await?;
        let mut worker = Session::open(self.server.stratum(), "test.unlucky").await?;
        for _ in 0..shares {
            worker.mine_share().await?;
        }
        self.mine(blocks).await
    }

    /// Waits until so many epochs have opened.
    pub(super) async fn wait_for_epochs(&self, count: u64) -> anyhow::Result<()> {
        let first = self.server.api().status().await?.epoch.context("no epoch is open")?;
        until("further epochs", SOON, async || {
            Ok((self.server.api().status().await?.epoch >= Some(first + count)).then_some(()))
        })
        .await
    }

    /// All payouts, newest first.
    pub(super) async fn payouts(&self) -> anyhow::Result<Vec<Value>> {
        let page: Value = self.server.operator()?.get("admin/payouts?limit=200").await?;
        ensure!(page["next_cursor"].is_null(), "more payouts than a page has");
        Ok(page["items"].as_array().context("a page")?.clone())
    }

    /// A payout that is in a block is thrown out of it.
    pub(super) async fn reorganise_a_payout(&mut self, depth: u64) -> anyhow::Result<()> {
        let in_state = async |state: &str| -> anyhow::Result<Option<Value>> {
            Ok(self.payouts().await?.into_iter().find(|payout| payout["state"] == state))
        };
        until("a payout in the mempool", MINED, async || in_state("broadcast").await).await?;
        self.grow(1).await?;
        let payout = until("the payout in a block", SOON, async || in_state("confirmed").await).await?;
        self.grow(depth - 1).await?;
        self.reorganise(depth).await?;
        until("the payout to be out of its block", SOON, async || {
            let payouts = self.payouts().await?;
            let is_out = |it: &Value| it["payout"] == payout["payout"] && it["state"] == "broadcast";
            Ok(payouts.iter().any(is_out).then_some(()))
        })
        .await
    }

    /// Lets blocks pass until all that was worked is credited, and all that is owed is paid and logged.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        self.grow(101).await?;
        until("all work to be credited", MINED, async || {
            self.grow(1).await?;
            Ok(is_credited(&Log::download(&self.server.api()).await?).then_some(()))
        })
        .await?;
        until("every payout to be logged", MINED, async || {
            self.grow(1).await?;
            for customer in &self.customers {
                if customer.api.contract_unpaid(&customer.contract.id).await? >= THRESHOLD_SATS {
                    return Ok(None);
                }
            }
            Ok(self.payouts().await?.iter().all(|payout| payout["state"] == "logged").then_some(()))
        })
        .await
    }
}

/// Whether every block's fate is known, what matured is settled, and the last share's period is accrued: an accrual stands
/// before the third `epoch_open` after its period's end, and is left out when it is of nothing (docs/LOG.md §8.3).
fn is_credited(log: &Log) -> bool {
    let (mut found, mut orphaned, mut settled) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::<BlockHash>::new());
    let (mut worked, mut closed) = (0, 0);
    for entry in &log.entries {
        match entry {
            Entry::BlockFound(block) => drop(found.insert(block.hash)),
            Entry::BlockOrphaned(block) => drop(orphaned.insert(block.hash)),
            Entry::Settlement(settlement) => settled.extend(&settlement.blocks),
            Entry::EpochClose(close) => {
                closed = close.epoch;
                worked = if close.shares.count > 0 { closed } else { worked };
            }
            _ => {}
        }
    }
    found.len() == orphaned.len() + settled.len() && closed >= worked.next_multiple_of(ACCRUAL_EPOCHS) + 3
}
