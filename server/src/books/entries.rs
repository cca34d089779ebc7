//! The book against the log, entry by entry.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use audit_core::accrual::{AccrualFile, Accrued};
use audit_core::allocation::operator_id;
use audit_core::entry::{self, BlockFate, Entry};
use audit_core::hash::{BlockHash, Hash32};
use audit_core::life::ConclusionFile;
use audit_core::payout::PayoutFile;
use audit_core::settlement::{Settled, SettlementFile};

use super::Comparison;
use crate::db::blocks::{BlockRow, BlockStatus};
use crate::db::ledger::{self, Booked, Transaction, Voucher};
use crate::db::{Database, contracts, log_entries, payouts};
use crate::engine::{Payment, payment_transaction};
use crate::evidence::EvidenceStore;
use crate::payouts::postings::{Paid, logged};
use crate::{accruals, lives, rewards, settlement};

/// Entries that are read at a time.
const PAGE: u64 = 1_000;
/// What entries are booked as; other kinds are not the log's.
const KINDS: [&str; 8] = [
    "block_found",
    "block_matured",
    "block_orphaned",
    "settlement",
    "accrual",
    "conclusion",
    "payout",
    "contract_payment",
];

/// The walk through the log.
struct Walk<'a> {
    database: &'a Database,
    store: &'a EvidenceStore,
    own: Hash32,
    found: BTreeMap<BlockHash, BlockRow>,
}

/// Every entry that moves money is booked as it says, and nothing else is booked for it.
pub(super) async fn compare(database: &Database, store: &EvidenceStore, origin: &str, size: u64) -> Result<Comparison> {
    let mut walk = Walk { database, store, own: operator_id(origin), found: BTreeMap::new() };
    let (mut count, mut difference) = (0, None);
    let mut from = 0;
    while from < size && difference.is_none() {
        let end = size.min(from + PAGE);
        let expected = walk.expected(from, end).await?;
        let booked = ledger::of_entries(database.pool(), from, end).await?;
        count += expected.len() as u64;
        difference = first_difference(&expected, &booked);
        from = end;
    }
    Ok(Comparison { what: "entries of the log are booked as they and their files say", count, difference })
}

impl Walk<'_> {
    /// What must be booked for these entries.
    async fn expected(&mut self, from: u64, end: u64) -> Result<Vec<Booked>> {
        let mut expected = Vec::new();
        for row in log_entries::range(self.database.pool(), from, end).await? {
            let entry = Entry::from_bytes(&row.entry).with_context(|| format!("log entry {}", row.leaf_index))?;
            let transaction = self.transaction(row.leaf_index, entry).await;
            let transaction = transaction.with_context(|| format!("log entry {}", row.leaf_index))?;
            expected.extend(transaction.map(|transaction| booked(row.leaf_index, &transaction)));
        }
        Ok(expected)
    }

    async fn transaction(&mut self, index: u64, entry: Entry) -> Result<Option<Transaction>> {
        Ok(match entry {
            Entry::BlockFound(found) => {
                let row = block(index, &found);
                let transaction = rewards::found(&row, 0);
                self.found.insert(row.hash, row);
                transaction
            }
            Entry::BlockMatured(fate) => self.decided(index, fate, BlockStatus::Matured)?,
            Entry::BlockOrphaned(fate) => self.decided(index, fate, BlockStatus::Orphaned)?,
            Entry::Settlement(entry) => self.settlement(index, &entry)?,
            Entry::Accrual(entry) => self.accrual(index, &entry)?,
            Entry::Conclusion(entry) => self.conclusion(index, &entry)?,
            Entry::Payout(entry) => Some(self.payout(index, &entry).await?),
            Entry::ContractOpen(entry) => self.payment(index, &entry).await?,
            _ => None,
        })
    }

    fn decided(&self, index: u64, fate: BlockFate, status: BlockStatus) -> Result<Option<Transaction>> {
        let block = self.found.get(&fate.hash).context("a block that was not logged as found")?;
        Ok(rewards::decided(block, status, index, 0))
    }

    fn settlement(&self, index: u64, entry: &entry::Settlement) -> Result<Option<Transaction>> {
        let path = SettlementFile::path(entry.settlement);
        let file = SettlementFile::from_bytes(&self.file(&path)?).context(path)?;
        let settled = Settled {
            credits: file.credits,
            fee: entry.fee_sats,
            maintenance: entry.maintenance_sats,
            carry_out: entry.carry_out_sats,
        };
        Ok(settlement::postings::of(entry, index, &settled, &self.own, 0))
    }

    fn accrual(&self, index: u64, entry: &entry::Accrual) -> Result<Option<Transaction>> {
        let path = AccrualFile::path(entry.accrual);
        let file = AccrualFile::from_bytes(&self.file(&path)?).context(path)?;
        let (gross, fee, maintenance) = (entry.gross_sats, entry.fee_sats, entry.maintenance_sats);
        let accrued = Accrued { credits: file.credits, gross, fee, maintenance };
        Ok(accruals::postings::of(entry, index, &accrued, 0))
    }

    fn conclusion(&self, index: u64, entry: &entry::Conclusion) -> Result<Option<Transaction>> {
        let path = ConclusionFile::path(entry.conclusion);
        let file = ConclusionFile::from_bytes(&self.file(&path)?).context(path)?;
        Ok(lives::postings::of(entry, index, &file.rows, 0))
    }

    /// The fee is what the inputs have more than the outputs: of the attempt that was mined, as it was stored.
    async fn payout(&self, index: u64, entry: &entry::Payout) -> Result<Transaction> {
        let path = PayoutFile::path(&entry.txid);
        let file = PayoutFile::from_bytes(&self.file(&path)?).context(path)?;
        let all = payouts::logged(self.database.pool()).await?;
        let payout = all.iter().find(|payout| payout.entry_index == Some(index)).context("no payout is logged here")?;
        let attempts = payouts::attempts(self.database.pool(), payout.payout).await?;
        let attempt = attempts.iter().find(|attempt| attempt.txid == entry.txid).context("no attempt has this txid")?;
        let paid = Paid { entry_index: index, txid: entry.txid, rows: &file.outputs, fee: attempt.fee };
        Ok(logged(payout.payout, &paid, 0))
    }

    /// The log says that a contract was opened, not what was paid for it: that is in the contract's row.
    async fn payment(&self, index: u64, entry: &entry::ContractOpen) -> Result<Option<Transaction>> {
        let contract = contracts::by_contract_id(self.database.pool(), &entry.contract).await?;
        let contract = contract.context("no row of a contract has this id")?;
        let opened = contract.opened.as_ref().context("the contract's row says that it was never opened")?;
        let payment = Payment { received: opened.received, note: None };
        Ok(Some(payment_transaction(&contract, &payment, Voucher::Entry(index), 0)))
    }

    fn file(&self, path: &str) -> Result<Vec<u8>> {
        self.store.read(path)?.with_context(|| format!("{path} is missing"))
    }
}

fn block(index: u64, found: &entry::BlockFound) -> BlockRow {
    BlockRow {
        hash: found.hash,
        epoch: found.epoch,
        height: found.height.into(),
        reward: found.reward_sats,
        status: BlockStatus::Found,
        found_index: index,
    }
}

fn booked(log_index: u64, transaction: &Transaction) -> Booked {
    let postings = transaction.postings.iter().map(|posting| (posting.account.to_string(), posting.amount_sats));
    let mut postings: Vec<(String, i64)> = postings.collect();
    postings.sort();
    Booked { kind: transaction.kind.into(), reference: transaction.reference.clone(), log_index, postings }
}

fn first_difference(expected: &[Booked], booked: &[Booked]) -> Option<String> {
    let mut of_the_log: Vec<&Booked> = booked.iter().filter(|it| KINDS.contains(&it.kind.as_str())).collect();
    for expected in expected {
        let Some(position) = of_the_log.iter().position(|it| it.log_index == expected.log_index) else {
            return Some(format!("log entry {}: no {} is booked", expected.log_index, expected.kind));
        };
        let found = of_the_log.remove(position);
        let mut sorted = found.clone();
        sorted.postings.sort();
        if sorted != *expected {
            return Some(format!("log entry {}: expected {expected:?}, booked {found:?}", expected.log_index));
        }
    }
    of_the_log.first().map(|it| format!("log entry {}: it gives no {}, but {it:?} is booked", it.log_index, it.kind))
}
