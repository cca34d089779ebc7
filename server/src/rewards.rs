//! Blocks' rewards as transactions of the ledger: immature when found, in the payout wallet when matured, taken back when
//! orphaned. The block is named by the leaf index of its `block_found`.

use audit_core::work::Sats;

use crate::db::blocks::{BlockRow, BlockStatus};
use crate::db::ledger::{Account, Posting, Transaction, Voucher};

/// A block was logged as found; `None` when it pays nothing.
pub(crate) fn found(block: &BlockRow, created_ms: u64) -> Option<Transaction> {
    let postings = immature(block.reward, Posting::debit, Posting::credit);
    transaction("block_found", block, block.found_index, created_ms, postings)
}

/// A block's fate was logged at `final_index`; `None` when it pays nothing.
pub(crate) fn decided(block: &BlockRow, status: BlockStatus, final_index: u64, created_ms: u64) -> Option<Transaction> {
    let mut postings = immature(block.reward, Posting::credit, Posting::debit);
    match status {
        BlockStatus::Matured => {
            postings.push(Posting::debit(Account::PayoutWallet, block.reward));
            postings.push(Posting::credit(Account::UndividedRewards, block.reward));
            transaction("block_matured", block, final_index, created_ms, postings)
        }
        BlockStatus::Orphaned => transaction("block_orphaned", block, final_index, created_ms, postings),
        BlockStatus::Found => None,
    }
}

fn immature(reward: Sats, asset: fn(Account, Sats) -> Posting, share: fn(Account, Sats) -> Posting) -> Vec<Posting> {
    vec![asset(Account::ImmatureRewards, reward), share(Account::ImmatureShares, reward)]
}

fn transaction(
    kind: &'static str,
    block: &BlockRow,
    log_index: u64,
    created_ms: u64,
    postings: Vec<Posting>,
) -> Option<Transaction> {
    let (reference, voucher) = (block.found_index.to_string(), Voucher::Entry(log_index));
    (block.reward > Sats::ZERO).then_some(Transaction { kind, reference, voucher, created_ms, postings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::hash::BlockHash;

    fn block(reward: u64) -> BlockRow {
        let (reward, status) = (Sats::new(reward).unwrap(), BlockStatus::Found);
        BlockRow { hash: BlockHash([1; 32]), epoch: 1, height: 5, reward, status, found_index: 7 }
    }

    /// What all these transactions leave on an account.
    fn balance(transactions: &[Transaction], account: Account) -> i64 {
        let postings = transactions.iter().flat_map(|transaction| &transaction.postings);
        postings.filter(|posting| posting.account == account).map(|posting| posting.amount_sats).sum()
    }

    #[test]
    fn a_matured_reward_moves_from_immature_to_the_payout_wallet() {
        let block = block(50);
        let all = [found(&block, 1).unwrap(), decided(&block, BlockStatus::Matured, 9, 2).unwrap()];
        assert!(all.iter().all(|transaction| transaction.balanced().is_ok()));
        assert_eq!(balance(&all[..1], Account::ImmatureRewards), 50);
        assert_eq!(balance(&all, Account::ImmatureRewards), 0);
        assert_eq!(balance(&all, Account::ImmatureShares), 0);
        assert_eq!((balance(&all, Account::PayoutWallet), balance(&all, Account::UndividedRewards)), (50, -50));
        assert_eq!(all[1].voucher, Voucher::Entry(9));
    }

    #[test]
    fn an_orphaned_reward_is_reversed_and_never_in_the_wallet() {
        let block = block(50);
        let all = [found(&block, 1).unwrap(), decided(&block, BlockStatus::Orphaned, 9, 2).unwrap()];
        assert!(all.iter().all(|transaction| transaction.balanced().is_ok()));
        assert_eq!(balance(&all, Account::ImmatureRewards), 0);
        assert_eq!(balance(&all, Account::PayoutWallet), 0);
        assert_eq!(all[0].postings.len() + all[1].postings.len(), 4, "the first transaction stays");
    }

    #[test]
    fn a_block_that_pays_nothing_moves_nothing() {
        assert_eq!(found(&block(0), 1), None);
        assert_eq!(decided(&block(0), BlockStatus::Matured, 9, 1), None);
    }
}
