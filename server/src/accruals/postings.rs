//! An accrual as a transaction of the ledger.

use audit_core::accrual::Accrued;
use audit_core::entry::Accrual;
use audit_core::work::Sats;

use crate::db::ledger::{Account, Posting, Transaction, Voucher};

/// The accrual's postings; `None` when no satoshi moves. They balance because Σ credits + fee + maintenance = gross.
pub(crate) fn of(entry: &Accrual, entry_index: u64, accrued: &Accrued, created_ms: u64) -> Option<Transaction> {
    let credit = |account, amount: Sats| (amount > Sats::ZERO).then(|| Posting::credit(account, amount));
    let expense = (entry.gross_sats > Sats::ZERO).then(|| Posting::debit(Account::PpsExpense, entry.gross_sats));
    let credits = accrued.credits.iter().map(|it| credit(Account::Credits { contract_id: it.id }, it.sats));
    let taken = [credit(Account::Fee, accrued.fee), credit(Account::Maintenance, accrued.maintenance)];
    let postings: Vec<Posting> = [expense].into_iter().chain(credits).chain(taken).flatten().collect();
    let (reference, voucher) = (entry.accrual.to_string(), Voucher::Entry(entry_index));
    (!postings.is_empty()).then_some(Transaction { kind: "accrual", reference, voucher, created_ms, postings })
}
