//! Payouts as transactions of the ledger.

use audit_core::hash::BlockHash;
use audit_core::payout::PayoutRow;
use audit_core::work::Sats;

use crate::db::ledger::{Account, Posting, Transaction, Voucher};

/// Credits are on their way: nothing else may pay them.
pub(crate) fn planned(payout: u64, txid: BlockHash, rows: &[PayoutRow], created_ms: u64) -> Transaction {
    let postings = rows.iter().flat_map(|row| {
        let contract_id = row.id;
        [
            Posting::debit(Account::Credits { contract_id }, row.sats),
            Posting::credit(Account::InFlight { contract_id }, row.sats),
        ]
    });
    transaction("payout_planned", payout, Voucher::Chain(txid), created_ms, postings.collect())
}

/// A planned payout is given up: its credits are owed as before.
pub(crate) fn cancelled(payout: u64, txid: BlockHash, rows: &[PayoutRow], created_ms: u64) -> Transaction {
    let taken_back = planned(payout, txid, rows, created_ms).postings.into_iter();
    let postings = taken_back.map(|posting| Posting { amount_sats: -posting.amount_sats, ..posting });
    transaction("payout_cancelled", payout, Voucher::Chain(txid), created_ms, postings.collect())
}

/// A payout is final and in the log: what was on its way is paid, and the miners' fee is the operator's expense.
pub(crate) fn logged(payout: u64, paid: &Paid<'_>, created_ms: u64) -> Transaction {
    let rows = paid.rows.iter().map(|row| Posting::debit(Account::InFlight { contract_id: row.id }, row.sats));
    let fee = (paid.fee > Sats::ZERO).then(|| Posting::debit(Account::NetworkFees, paid.fee));
    let debits: Vec<Posting> = rows.chain(fee).collect();
    let spent: i64 = debits.iter().map(|posting| posting.amount_sats).sum();
    let wallet = Posting { account: Account::PayoutWallet, amount_sats: -spent };
    let voucher = Voucher::EntryOfChain(paid.entry_index, paid.txid);
    transaction("payout", payout, voucher, created_ms, debits.into_iter().chain([wallet]).collect())
}

/// What a final payout came to.
pub(crate) struct Paid<'a> {
    pub entry_index: u64,
    pub txid: BlockHash,
    pub rows: &'a [PayoutRow],
    pub fee: Sats,
}

fn transaction(
    kind: &'static str,
    payout: u64,
    voucher: Voucher,
    created_ms: u64,
    postings: Vec<Posting>,
) -> Transaction {
    Transaction { kind, reference: payout.to_string(), voucher, created_ms, postings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::hash::Hash32;

    fn rows() -> Vec<PayoutRow> {
        let row = |id, sats| PayoutRow { sats: Sats::new(sats).unwrap(), id: Hash32([id; 32]), vout: 0 };
        vec![row(1, 700), row(2, 300)]
    }

    fn balance(transactions: &[Transaction], account: Account) -> i64 {
        let postings = transactions.iter().flat_map(|transaction| &transaction.postings);
        postings.filter(|posting| posting.account == account).map(|posting| posting.amount_sats).sum()
    }

    #[test]
    fn what_is_paid_leaves_the_wallet_with_the_fee() {
        let (txid, rows, contract_id) = (BlockHash([5; 32]), rows(), Hash32([1; 32]));
        let paid = Paid { entry_index: 9, txid, rows: &rows, fee: Sats::new(50).unwrap() };
        let all = [planned(3, txid, &rows, 1), logged(3, &paid, 2)];
        assert!(all.iter().all(|transaction| transaction.balanced().is_ok()));
        assert_eq!(balance(&all, Account::Credits { contract_id }), 700);
        assert_eq!(balance(&all, Account::InFlight { contract_id }), 0);
        assert_eq!((balance(&all, Account::NetworkFees), balance(&all, Account::PayoutWallet)), (50, -1_050));
    }

    #[test]
    fn a_cancelled_payout_owes_everything_again() {
        let (txid, rows) = (BlockHash([5; 32]), rows());
        let all = [planned(3, txid, &rows, 1), cancelled(3, txid, &rows, 2)];
        for row in &rows {
            assert_eq!(balance(&all, Account::Credits { contract_id: row.id }), 0);
            assert_eq!(balance(&all, Account::InFlight { contract_id: row.id }), 0);
        }
        assert!(all.iter().all(|transaction| transaction.balanced().is_ok()));
    }
}
