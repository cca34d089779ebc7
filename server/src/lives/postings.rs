//! A conclusion as a transaction of the ledger: what is paid back is the operator's expense.

use audit_core::entry::Conclusion;
use audit_core::life::ConclusionRow;
use audit_core::work::Sats;

use crate::db::ledger::{Account, Posting, Transaction, Voucher};

/// The conclusion's postings, which balance because its sums are those of its rows; `None` when a row is above all bitcoin.
pub(crate) fn of(entry: &Conclusion, entry_index: u64, rows: &[ConclusionRow], created_ms: u64) -> Option<Transaction> {
    let expense = |account, amount: Sats| (amount > Sats::ZERO).then(|| Posting::debit(account, amount));
    let expenses = [expense(Account::Refunds, entry.refund_sats), expense(Account::MakeGoods, entry.make_good_sats)];
    let credits: Option<Vec<Posting>> = rows.iter().map(credit).collect();
    let postings = expenses.into_iter().flatten().chain(credits?).collect();
    let (reference, voucher) = (entry.conclusion.to_string(), Voucher::Entry(entry_index));
    Some(Transaction { kind: "conclusion", reference, voucher, created_ms, postings })
}

fn credit(row: &ConclusionRow) -> Option<Posting> {
    let credit = row.credit()?;
    Some(Posting::credit(Account::Credits { contract_id: credit.id }, credit.sats))
}
