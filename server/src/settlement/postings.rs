//! A settlement as a transaction of the ledger.

use audit_core::entry::Settlement;
use audit_core::hash::Hash32;
use audit_core::settlement::Settled;
use audit_core::work::Sats;

use crate::db::ledger::{Account, Posting, Transaction, Voucher};

/// The settlement's postings; `None` when no satoshi moves. They balance because Σ credits + fee + maintenance +
/// carry_out = reward + carry_in, and the ledger refuses them otherwise.
pub(crate) fn of(
    entry: &Settlement,
    entry_index: u64,
    settled: &Settled,
    own: &Hash32,
    created_ms: u64,
) -> Option<Transaction> {
    let mut postings = Vec::new();
    let mut post = |make: fn(Account, Sats) -> Posting, account, amount: Sats| {
        if amount > Sats::ZERO {
            postings.push(make(account, amount));
        }
    };
    post(Posting::debit, Account::UndividedRewards, entry.reward_sats);
    post(Posting::debit, Account::Carry, entry.carry_in_sats);
    for credit in &settled.credits {
        let account =
            if credit.id == *own { Account::OperatorCredits } else { Account::Credits { contract_id: credit.id } };
        post(Posting::credit, account, credit.sats);
    }
    post(Posting::credit, Account::Fee, settled.fee);
    post(Posting::credit, Account::Maintenance, settled.maintenance);
    post(Posting::credit, Account::Carry, settled.carry_out);
    let (reference, voucher) = (entry.settlement.to_string(), Voucher::Entry(entry_index));
    (!postings.is_empty()).then_some(Transaction { kind: "settlement", reference, voucher, created_ms, postings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::entry::CreditsRoot;
    use audit_core::settlement::Credit;

    fn sats(amount: u64) -> Sats {
        Sats::new(amount).unwrap()
    }

    #[test]
    fn a_settlement_balances_and_the_operators_part_is_income() {
        let own = Hash32([9; 32]);
        let credits = vec![Credit { sats: sats(70), id: Hash32([1; 32]) }, Credit { sats: sats(20), id: own }];
        let settled = Settled { credits, fee: sats(5), maintenance: sats(2), carry_out: sats(8) };
        let entry = Settlement {
            settlement: 3,
            from_epoch: 1,
            to_epoch: 2,
            blocks: Vec::new(),
            reward_sats: sats(100),
            solo_sats: sats(0),
            carry_in_sats: sats(5),
            fee_sats: sats(5),
            maintenance_sats: sats(2),
            carry_out_sats: sats(8),
            credits: CreditsRoot { count: 2, total_sats: sats(90), root: Hash32([0; 32]) },
        };
        let transaction = of(&entry, 5, &settled, &own, 1).unwrap();
        assert_eq!(transaction.balanced(), Ok(()));
        let operator = Posting::credit(Account::OperatorCredits, sats(20));
        assert!(transaction.postings.contains(&operator));
    }
}
