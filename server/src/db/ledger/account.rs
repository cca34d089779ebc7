//! The names of the ledger's accounts. The first word says what kind of account it is in the sense of bookkeeping.

use std::fmt;

use audit_core::hash::Hash32;
use uuid::Uuid;

/// An account of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Bitcoin received from customers for contracts.
    ContractPayments,
    /// What contracts were sold for.
    ContractSales,
    /// What a customer paid above the price: owed back.
    Overpaid { account_id: Uuid },
    /// Rewards of matured blocks.
    BlockRewards,
    /// The operator's fee of settlements.
    Fee,
    /// The part of settlements that is the operator's own.
    OperatorCredits,
    /// What a settlement left over for the next one.
    Carry,
    /// Credits owed to a contract, by its id in the log.
    Credits { contract_id: Hash32 },
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContractPayments => f.write_str("asset:contract_payments"),
            Self::ContractSales => f.write_str("income:contract_sales"),
            Self::Overpaid { account_id } => write!(f, "liability:overpaid:{account_id}"),
            Self::BlockRewards => f.write_str("asset:block_rewards"),
            Self::Fee => f.write_str("income:fee"),
            Self::OperatorCredits => f.write_str("income:operator_credits"),
            Self::Carry => f.write_str("liability:carry"),
            Self::Credits { contract_id } => write!(f, "liability:credits:{contract_id}"),
        }
    }
}
