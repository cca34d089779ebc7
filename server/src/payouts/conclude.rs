//! The end of a payout: file, entry and posting once no reorganisation is to be expected any more.

use anyhow::{Context, Result};
use audit_core::entry::{self, Entry};
use audit_core::payout::PayoutFile;

use super::{Payouts, draft, postings};
use crate::clock::now_ms;
use crate::db::ledger;
use crate::db::payouts::{self, Attempt, Mined, Payout};

impl Payouts {
    /// Logs a payout that is deep enough; `false` while it isn't. Commit points: 1. the file, which follows from what is
    /// stored and is written anew after a crash; 2. entry, state and posting in one transaction; 3. integration, which the
    /// next start repeats.
    pub(super) async fn conclude(&self, payout: &Payout) -> Result<bool> {
        let mined = payout.mined.as_ref().context("a confirmed payout has a block")?;
        let tip = self.node.tip().await?;
        let is_deep = tip.height.saturating_add(1).saturating_sub(mined.height) >= self.settings.final_depth;
        if !is_deep || !self.is_in_place(payout).await? {
            return Ok(false);
        }
        let file = self.write_file(payout.payout, mined).await?;
        let attempt = self.mined_attempt(payout.payout, mined).await?;
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await?;
        let (from_settlement, to_settlement) = payout.settlements;
        let entry = entry::Payout { txid: mined.txid, from_settlement, to_settlement, outputs: file.outputs_root()? };
        let entry_index = guard.append(&mut tx, &[Entry::Payout(entry)]).await?;
        if !payouts::log(&mut tx, payout.payout, entry_index).await? {
            return Ok(false);
        }
        let paid = postings::Paid { entry_index, txid: mined.txid, rows: &file.outputs, fee: attempt.fee };
        ledger::post(&mut tx, &postings::logged(payout.payout, &paid, now_ms())).await?;
        tx.commit().await?;
        guard.integrate().await?;
        tracing::info!(payout = payout.payout, txid = %mined.txid, sats = payout.total.get(), "payout logged");
        Ok(true)
    }

    /// Writes `/payout/<txid>.json` as it is now.
    pub(super) async fn write_file(&self, payout: u64, mined: &Mined) -> Result<PayoutFile> {
        let attempt = self.mined_attempt(payout, mined).await?;
        let file = PayoutFile {
            txid: mined.txid,
            transaction: draft::unsigned_bytes(&attempt)?,
            block: Some(mined.block),
            index: mined.index,
            branch: mined.branch.clone(),
            outputs: payouts::rows(self.database.pool(), payout).await?,
        };
        file.transaction().context("a payout's file that nobody would accept")?;
        let (path, bytes, store) = (PayoutFile::path(&file.txid), file.to_bytes(), self.store.clone());
        tokio::task::spawn_blocking(move || store.replace(&path, &bytes)).await??;
        Ok(file)
    }

    async fn mined_attempt(&self, payout: u64, mined: &Mined) -> Result<Attempt> {
        let attempts = payouts::attempts(self.database.pool(), payout).await?;
        attempts
            .into_iter()
            .find(|attempt| attempt.txid == mined.txid)
            .context("a mined transaction that was not planned")
    }
}
