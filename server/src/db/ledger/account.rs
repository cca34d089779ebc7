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
    /// Rewards of found blocks that the chain has not decided yet.
    ImmatureRewards,
    /// Whom these rewards will be divided among, unless their blocks are orphaned.
    ImmatureShares,
    /// Coins that pay the script of coinbases: matured rewards and the change of payouts.
    PayoutWallet,
    /// Rewards that matured and wait for their settlement.
    UndividedRewards,
    /// The operator's fee of settlements.
    Fee,
    /// What contracts paid for the running of the machines.
    Maintenance,
    /// The part of settlements that is the operator's own.
    OperatorCredits,
    /// What a settlement left over for the next one.
    Carry,
    /// What was credited at a fixed price, whatever blocks were found.
    PpsExpense,
    /// What the operator adds where less was delivered than promised.
    MakeGoods,
    /// What is paid back of contracts that ended early.
    Refunds,
    /// Credits owed to a contract, by its id in the log.
    Credits { contract_id: Hash32 },
    /// Credits that a payout under way pays to a contract.
    InFlight { contract_id: Hash32 },
    /// Fees of payouts.
    NetworkFees,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContractPayments => f.write_str("asset:contract_payments"),
            Self::ContractSales => f.write_str("income:contract_sales"),
            Self::Overpaid { account_id } => write!(f, "liability:overpaid:{account_id}"),
            Self::ImmatureRewards => f.write_str("asset:immature_rewards"),
            Self::ImmatureShares => f.write_str("liability:immature_rewards"),
            Self::PayoutWallet => f.write_str("asset:payout_wallet"),
            Self::UndividedRewards => f.write_str("liability:undivided_rewards"),
            Self::Fee => f.write_str("income:fee"),
            Self::Maintenance => f.write_str("income:maintenance"),
            Self::OperatorCredits => f.write_str("income:operator_credits"),
            Self::Carry => f.write_str("liability:carry"),
            Self::PpsExpense => f.write_str("expense:pps"),
            Self::MakeGoods => f.write_str("expense:make_goods"),
            Self::Refunds => f.write_str("expense:refunds"),
            Self::Credits { contract_id } => write!(f, "liability:credits:{contract_id}"),
            Self::InFlight { contract_id } => write!(f, "liability:in_flight:{contract_id}"),
            Self::NetworkFees => f.write_str("expense:network_fees"),
        }
    }
}
