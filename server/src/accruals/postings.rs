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

#[cfg(test)]
mod tests {
    use audit_core::hash::Hash32;
    use audit_core::settlement::{Credit, credits_root};

    use super::*;

    fn sats(amount: u64) -> Sats {
        Sats::new(amount).unwrap()
    }

    #[test]
    fn what_hashes_are_worth_is_the_operators_expense_and_fee_and_maintenance_its_income() {
        let id = Hash32([1; 32]);
        let credits = vec![Credit { sats: sats(900), id }];
        let entry = Accrual {
            accrual: 7,
            from_epoch: 13,
            to_epoch: 14,
            gross_sats: sats(1_000),
            fee_sats: sats(70),
            maintenance_sats: sats(30),
            credits: credits_root(&credits).unwrap(),
        };
        let accrued = Accrued { credits, gross: sats(1_000), fee: sats(70), maintenance: sats(30) };
        let transaction = of(&entry, 5, &accrued, 1).unwrap();
        assert!(transaction.balanced().is_ok());
        let expected = [
            (Account::PpsExpense, 1_000),
            (Account::Credits { contract_id: id }, -900),
            (Account::Fee, -70),
            (Account::Maintenance, -30),
        ];
        let booked = transaction.postings.iter().map(|posting| (posting.account, posting.amount_sats));
        assert_eq!(booked.collect::<Vec<_>>(), expected);
    }
}
