//! Refunds: what customers paid above prices or too late is paid back by the operator, and looked for on the chain.
//!
//! In scope: taking in which output paid whom, following it, booking it. Out of scope: making the payment. What came in is
//! in wallets of the operator's own, ours or a BTCPay Server's, whose keys this server never has.
//!
//! Commit points: 1. *recorded*: the debt is taken as being paid, so that nothing more than it can be recorded; 2. *confirmed*:
//! the output is in a block, with exactly this amount to exactly this script, else *wrong*, and the debt is open again. A
//! reorganisation takes it back to 1; 3. *booked*: deep enough, with the posting in one transaction. Each may be repeated.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use audit_core::hash::BlockHash;
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use pool_core::node::Node;
use tokio_util::sync::CancellationToken;

use crate::clock::now_ms;
use crate::db::ledger::{self, Account, Posting, Transaction, Voucher};
use crate::db::payouts::Mined;
use crate::db::refunds::{self, Refund, State};
use crate::db::{Database, Tx};
use crate::engine::{Backoff, pause};
use crate::payouts::Scan;

/// How often refunds are looked at.
const POLL: Duration = Duration::from_secs(5);
/// So many blocks before it is recorded a refund is looked for, a day; payouts' scans begin some blocks earlier still.
const BEFORE: u32 = 144;
/// Blocks from the refund's to the tip, both counted, that make it final.
pub(crate) const FINAL_DEPTH: u32 = 6;

/// Follows refunds.
pub(crate) struct Refunds {
    pub(crate) database: Database,
    pub(crate) node: Arc<dyn Node>,
}

/// What the task remembers between rounds; all of it can be forgotten.
#[derive(Default)]
pub(crate) struct Memory {
    scan: Scan,
    sought: BTreeSet<BlockHash>,
}

impl Refunds {
    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// A contradiction in what is stored; see `crate::engine`.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<()> {
        let (mut memory, mut backoff) = (Memory::default(), Backoff::default());
        while pause(POLL, &stop).await {
            backoff.after(self.round(&mut memory).await, &stop).await?;
        }
        Ok(())
    }

    /// Takes every refund as far as it goes.
    pub(crate) async fn round(&self, memory: &mut Memory) -> Result<()> {
        let open = refunds::open(self.database.pool()).await?;
        let (recorded, confirmed) = open.into_iter().partition::<Vec<_>, _>(|refund| refund.state == State::Recorded);
        for refund in &confirmed {
            self.go_on(refund).await?;
        }
        self.find(&recorded, memory).await
    }

    /// Books what is deep enough, and takes back what left the chain.
    async fn go_on(&self, refund: &Refund) -> Result<()> {
        let (height, block) = refund.block.context("a confirmed refund without a block")?;
        let mut tx = self.database.begin().await?;
        if self.node.block_hash_at(height).await? != Some(block) {
            refunds::advance(&mut tx, refund.id, State::Confirmed, State::Recorded).await?;
        } else if self.node.tip().await?.height.saturating_sub(height) + 1 >= FINAL_DEPTH {
            book(&mut tx, refund).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Looks for recorded outputs in blocks.
    async fn find(&self, recorded: &[Refund], memory: &mut Memory) -> Result<()> {
        let sought: BTreeSet<BlockHash> = recorded.iter().map(txid).collect();
        if sought != memory.sought {
            *memory = Memory { scan: Scan::default(), sought };
        }
        let Some(from) = recorded.iter().map(|refund| refund.recorded_height.saturating_sub(BEFORE)).min() else {
            return Ok(());
        };
        let sought: HashMap<BlockHash, u64> = memory.sought.iter().copied().zip(0..).collect();
        for (_, mined) in memory.scan.look(&*self.node, from, &sought).await? {
            for refund in recorded.iter().filter(|refund| txid(refund) == mined.txid) {
                self.judge(refund, &mined).await?;
            }
        }
        Ok(())
    }

    /// Whether the output that was found is the refund that was recorded.
    async fn judge(&self, refund: &Refund, mined: &Mined) -> Result<()> {
        let Some(block) = self.node.raw_block(&mined.block).await? else { return Ok(()) };
        let block: bitcoin::Block = encode::deserialize(&block).context("a block of the node")?;
        let transaction = block.txdata.get(usize::try_from(mined.index)?);
        let output = transaction.and_then(|transaction| transaction.output.get(refund.output.vout as usize));
        let is_right = output.is_some_and(|output| {
            output.value.to_sat() == refund.amount.get() && output.script_pubkey.as_bytes() == refund.script
        });
        let mut tx = self.database.begin().await?;
        if is_right {
            refunds::confirm(&mut tx, refund.id, mined.height, mined.block).await?;
        } else {
            refunds::advance(&mut tx, refund.id, State::Recorded, State::Wrong).await?;
            tracing::warn!(refund = %refund.id, output = %refund.output, "not the refund that was recorded");
        }
        Ok(tx.commit().await?)
    }
}

/// Commit point 3.
async fn book(tx: &mut Tx, refund: &Refund) -> Result<()> {
    if refunds::advance(tx, refund.id, State::Confirmed, State::Booked).await? {
        ledger::post(tx, &transaction(refund, now_ms())).await?;
        tracing::info!(refund = %refund.id, sats = refund.amount.get(), "refund booked");
    }
    Ok(())
}

/// What is booked for a refund. The miners' fee is paid by the operator's wallet, which the ledger does not keep.
pub(crate) fn transaction(refund: &Refund, created_ms: u64) -> Transaction {
    Transaction {
        kind: "refund",
        reference: refund.output.to_string(),
        voucher: Voucher::Chain(txid(refund)),
        created_ms,
        postings: vec![
            Posting::debit(Account::Overpaid { account_id: refund.account_id }, refund.amount),
            Posting::credit(Account::ContractPayments, refund.amount),
        ],
    }
}

fn txid(refund: &Refund) -> BlockHash {
    BlockHash(refund.output.txid.to_byte_array())
}
