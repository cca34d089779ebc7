//! The entries about money.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    hash::{BlockHash, Hash32},
    work::Sats,
};

/// See [`Entry::Settlement`](super::Entry::Settlement).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// Number, from 1; names the file `/settlement/<number>.json`.
    pub settlement: u64,
    /// First epoch whose work counts for what is pooled.
    pub from_epoch: u64,
    /// Last epoch whose work counts: the one whose blocks are divided.
    pub to_epoch: u64,
    /// The matured blocks of that epoch, in order of hash.
    pub blocks: Vec<BlockHash>,
    /// Sum of the blocks' rewards.
    pub reward_sats: Sats,
    /// What of it was drawn for solo contracts; the rest is pooled.
    pub solo_sats: Sats,
    /// What the previous settlement left.
    pub carry_in_sats: Sats,
    /// The operator's fees.
    pub fee_sats: Sats,
    /// What the contracts pay for running the machines.
    pub maintenance_sats: Sats,
    /// What is left for the next settlement.
    pub carry_out_sats: Sats,
    /// Who is credited how much.
    pub credits: CreditsRoot,
}

/// See [`Entry::Accrual`](super::Entry::Accrual).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accrual {
    /// Number, from 1; names the file `/accrual/<number>.json`. Periods in which nothing is paid by time are left out.
    pub accrual: u64,
    /// First epoch of its period.
    pub from_epoch: u64,
    /// Last epoch of its period.
    pub to_epoch: u64,
    /// What all work that is paid by time was worth.
    pub gross_sats: Sats,
    /// The operator's fees.
    pub fee_sats: Sats,
    /// What the contracts pay for running the machines.
    pub maintenance_sats: Sats,
    /// Who is credited how much.
    pub credits: CreditsRoot,
}

/// See [`Entry::Conclusion`](super::Entry::Conclusion).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// Number, from 1; names the file `/conclusion/<number>.json`. Periods after which nothing is owed are left out.
    pub conclusion: u64,
    /// First epoch of its period.
    pub from_epoch: u64,
    /// Last epoch of its period.
    pub to_epoch: u64,
    /// For unused time.
    pub refund_sats: Sats,
    /// For missing work.
    pub make_good_sats: Sats,
    /// Who is credited how much of both together.
    pub credits: CreditsRoot,
}

/// Sum tree over sats.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsRoot {
    /// Entries.
    pub count: u64,
    /// Their sum.
    pub total_sats: Sats,
    /// Root of the sum tree.
    pub root: Hash32,
}

/// See [`Entry::Payout`](super::Entry::Payout).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// The transaction; names the file `/payout/<txid>.json`.
    pub txid: BlockHash,
    /// First settlement it pays for.
    pub from_settlement: u64,
    /// Last settlement it pays for.
    pub to_settlement: u64,
    /// Sum tree over what each contract is paid.
    pub outputs: CreditsRoot,
}

/// See [`Entry::Liabilities`](super::Entry::Liabilities).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liabilities {
    /// Number, from 1; names the file `/liabilities/<number>.json`.
    pub liabilities: u64,
    /// When, Unix ms; strictly increasing.
    pub at_ms: u64,
    /// Last settlement that is included: the last one logged before.
    pub settlement: u64,
    /// Sum tree over what each contract is owed.
    pub balances: CreditsRoot,
    /// Sum tree over the coins that back it.
    pub coins: CreditsRoot,
}
