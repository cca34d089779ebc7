//! What the person wants audited.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::report::Place;
use crate::{
    checkpoint::Checkpoint,
    contract::Receipt,
    hash::Hash32,
    policy::Policy,
    work::{Sats, Work},
};

/// The whole question.
#[derive(Clone, Debug)]
pub struct AuditRequest {
    /// Whom to believe.
    pub policy: Policy,
    /// The contract to follow.
    pub contract: Option<ContractQuery>,
    /// What the seller's page claims about that contract.
    pub claims: Option<Claims>,
    /// SHA-256 of the verifier that runs, where it can know it.
    pub wasm_sha256: Option<Hash32>,
    /// The last checkpoint that this verifier saw.
    pub remembered: Option<Checkpoint>,
    /// What is wrong with the bundle's SHA256SUMS; `None` when the evidence is no bundle.
    pub bundle: Option<Vec<Place>>,
    /// How much is recomputed.
    pub depth: Depth,
}

/// Samples of depth *sampled* that are drawn unless another number is asked for: a lie of one percent of the work is met
/// with a chance of 95 % (1 − 0.99³⁰⁰).
pub const DEFAULT_SAMPLES: u32 = 300;

/// How much of the work is recomputed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Depth {
    /// Every share.
    #[default]
    Exact,
    /// The best shares of every epoch, from which the whole work is estimated.
    Estimate,
    /// Chunks drawn at random, in proportion to the work they claim.
    Sampled {
        /// How many are drawn, with replacement.
        samples: u32,
        /// What the draw depends on: unpredictable for the operator.
        seed: Hash32,
    },
}

impl Depth {
    /// `exact`, `estimate` or `sampled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimate => "estimate",
            Self::Sampled { .. } => "sampled",
        }
    }
}

/// Which contract, and whether the person can prove that it is theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContractQuery {
    /// Only the public id.
    Id(Hash32),
    /// The receipt, whose nonce and details bind the id to the purchase.
    Receipt(Receipt),
}

/// The seller's dashboard, to be held against the evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Work by epoch.
    pub epochs: Vec<EpochClaim>,
    /// Credits by settlement.
    pub credits: Vec<SettlementClaim>,
    /// Credits by accrual.
    #[serde(default)]
    pub accruals: Vec<AccrualClaim>,
    /// Credits by conclusion.
    #[serde(default)]
    pub conclusions: Vec<ConclusionClaim>,
}

/// Work claimed for the contract in an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochClaim {
    /// Epoch.
    pub epoch: u64,
    /// Expected hashes.
    pub work: Work,
}

/// Credit claimed for the contract in a settlement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementClaim {
    /// Settlement.
    pub settlement: u64,
    /// Sats.
    pub credit_sats: Sats,
}

/// Credit claimed for the contract in an accrual.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccrualClaim {
    /// Accrual.
    pub accrual: u64,
    /// Sats.
    pub credit_sats: Sats,
}

/// Credit claimed for the contract in a conclusion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConclusionClaim {
    /// Conclusion.
    pub conclusion: u64,
    /// Sats.
    pub credit_sats: Sats,
}

impl AuditRequest {
    /// Audits the whole log, no contract in particular.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            contract: None,
            claims: None,
            wasm_sha256: None,
            remembered: None,
            bundle: None,
            depth: Depth::Exact,
        }
    }
}

impl ContractQuery {
    /// The contract's public id.
    pub fn id(&self) -> Hash32 {
        match self {
            Self::Id(id) => *id,
            Self::Receipt(receipt) => receipt.contract_id(),
        }
    }
}
