//! Payouts: that each transaction pays what its rows say, once, and mine to my script.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{CheckId, Debts, Evidence, FILE_MAX, Findings, InBlock, Mine, Place, Source, fail_entry};
use crate::{
    entry::Payout,
    payout::{PayoutFile, PayoutRow},
    transaction::Transaction,
};

impl Debts<'_> {
    /// payout.mine: what the rows say is taken from the balances, and the transaction must pay it.
    pub(super) async fn pay<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        index: u64,
        entry: &Payout,
        findings: &mut Findings,
    ) {
        self.entry_is_new(index, entry, findings);
        let path = PayoutFile::path(&entry.txid);
        let Some(file) = read(source, &path, entry, findings).await else {
            self.unknown = true;
            return;
        };
        self.owe_less(&path, &file, findings);
        match file.transaction() {
            Ok(transaction) => {
                self.transaction_pays(index, &path, &file, &transaction, findings);
                self.in_blocks.extend(InBlock::of(&file, self.mine.as_ref().map(|mine| &mine.id)));
            }
            Err(error) => {
                let expected = "a transaction that pays what the rows say";
                findings.fail(CheckId::PayoutMine, Place::new(&*path, None, expected, error.to_string()));
            }
        }
    }

    /// No transaction is logged twice, and the settlements that it pays for are logged before.
    fn entry_is_new(&mut self, index: u64, entry: &Payout, findings: &mut Findings) {
        let mut fail = |expected: String, found: String| {
            fail_entry(self.log, index, CheckId::PayoutMine, expected, found, findings);
        };
        if !self.payouts.insert(entry.txid) {
            fail("a transaction that was not logged before".into(), entry.txid.to_string());
        }
        let (from, to, settled) = (entry.from_settlement, entry.to_settlement, self.settled_before(index));
        // Before the first settlement only accruals can be paid.
        if from < settled.min(1) || from > to || to > settled {
            fail(format!("settlements within {} to {settled}", settled.min(1)), format!("{from} to {to}"));
        }
    }

    /// liab.sum: nobody is paid more than owed.
    fn owe_less(&mut self, path: &str, file: &PayoutFile, findings: &mut Findings) {
        for (row, PayoutRow { sats, id, .. }) in (0..).zip(&file.outputs) {
            if let (Err(over), false) = (self.balances.pay(id, *sats), self.unknown) {
                let expected = format!("at most {} sats, which are owed to contract {id}", over.owed);
                findings.fail(CheckId::LiabSum, Place::new(path, Some(row), expected, format!("{} sats", over.paid)));
            }
            if let Some(mine) = self.mine.as_mut().filter(|mine| mine.id == *id) {
                mine.paid = mine.paid.checked_add(*sats).unwrap_or(mine.paid);
            }
        }
    }

    /// Its inputs were not spent by an earlier payout, and my outputs are mine.
    fn transaction_pays(
        &mut self,
        index: u64,
        path: &str,
        file: &PayoutFile,
        transaction: &Transaction,
        findings: &mut Findings,
    ) {
        for (number, input) in (0..).zip(&transaction.inputs) {
            if !self.coins.spend(index, input.spends) {
                let found = format!("output {} of {}", input.spends.vout, input.spends.txid);
                let place = Place::new(path, Some(number), "an output that no earlier payout spends", found);
                findings.fail(CheckId::PayoutMine, place);
            }
        }
        let Some(Mine { id, script: Some(script), .. }) = &self.mine else { return };
        let Some(row) = file.of(id) else { return };
        let output = usize::try_from(row.vout).ok().and_then(|vout| transaction.outputs.get(vout));
        let found = output.map(|output| hex::encode(&output.script)).unwrap_or_default();
        findings.equal(CheckId::PayoutMine, path, "my script", &hex::encode(script), &found);
    }
}

/// The file, when its rows are those of the entry.
async fn read<E: Evidence>(
    source: &mut Source<'_, E>,
    path: &str,
    entry: &Payout,
    findings: &mut Findings,
) -> Option<PayoutFile> {
    let bytes = source.fetch(path, FILE_MAX, CheckId::PayoutMine, findings).await?;
    let mut fail = |expected: String, found: String| {
        findings.fail(CheckId::PayoutMine, Place::new(path, None, expected, found));
    };
    let file = match PayoutFile::from_bytes(&bytes) {
        Ok(file) => file,
        Err(error) => {
            fail("a payout".into(), error.to_string());
            return None;
        }
    };
    if file.txid != entry.txid {
        fail(format!("transaction {}", entry.txid), file.txid.to_string());
    }
    match file.outputs_root() {
        Ok(root) if root == entry.outputs => return Some(file),
        Ok(root) => fail(format!("rows with root {}", entry.outputs.root), root.root.to_string()),
        Err(error) => fail(format!("rows with root {}", entry.outputs.root), error.to_string()),
    }
    None
}
