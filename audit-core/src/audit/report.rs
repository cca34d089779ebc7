//! What an audit finds: check by check, with the place and the two values where one fails.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::{Depth, Estimate, Sampling, log::Log};
use crate::{
    hash::Hash32,
    policy::Cosigned,
    work::{Sats, Units, Work},
};

/// Failures that are kept for each check; further ones are only counted.
const KEPT_FAILURES: usize = 20;

/// The result of an audit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AuditReport {
    /// Format of this report.
    pub format: u32,
    /// The log's origin; empty when no checkpoint could be believed.
    pub origin: String,
    /// Entries.
    pub tree_size: u64,
    /// Root.
    pub root: Hash32,
    /// The policy's witnesses that cosigned this head, and when.
    pub cosigned: Vec<Cosigned>,
    /// The sealed epochs; null when there are none.
    pub epochs: Option<EpochRange>,
    /// `exact`, `estimate` or `sampled`.
    pub depth: &'static str,
    /// Whether no check failed and none had to be left out.
    pub held: bool,
    /// What the best hashes let expect; null with depth *sampled*, and from too few hashes.
    pub estimate: Option<Estimate>,
    /// What the draws are worth; null with other depths.
    pub sampling: Option<Sampling>,
    /// Every check.
    pub checks: Vec<CheckReport>,
    /// Sums over the range.
    pub totals: Totals,
    /// The contract, when one was asked for and found.
    pub contract: Option<ContractReport>,
}

/// First and last epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct EpochRange {
    /// First.
    pub first: u64,
    /// Last.
    pub last: u64,
}

/// One check's result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CheckReport {
    /// Which.
    pub id: CheckId,
    /// What it says, for people.
    pub sentence: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was checked, or why it was not.
    pub detail: String,
    /// The first failure.
    pub place: Option<Place>,
    /// All failures that were kept, the first included.
    pub failures: Vec<Place>,
    /// How many failures there were.
    pub failure_count: u64,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not.
    Failed,
    /// It has nothing to check here.
    NotApplicable,
    /// It holds for the public id, but nonce and details were not given.
    NotBound,
    /// An earlier failure left nothing to check.
    NotChecked,
}

/// Where a check failed: file, index in it, and the two values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Path as over HTTP, without the leading slash.
    pub file: String,
    /// Index of the share, job, entry or row.
    pub index: Option<u64>,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// Sums over the audited range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Totals {
    /// Sealed epochs.
    pub epochs: u64,
    /// Shares recomputed.
    pub shares: u64,
    /// Their work, in expected hashes.
    pub work: Work,
    /// Blocks found.
    pub blocks: u64,
    /// Rewards settled.
    pub reward_sats: Sats,
    /// Credits given, the operator's own included.
    pub credits_sats: Sats,
    /// Owed to all contracts at the log's end.
    pub unpaid_sats: Sats,
    /// What the coins of the newest list of liabilities are worth.
    pub coins_sats: Sats,
}

/// What was recomputed for one contract.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ContractReport {
    /// Contract id.
    pub id: Hash32,
    /// Whether nonce and details bind it to a purchase.
    pub bound: bool,
    /// H/s bought.
    pub units_hs: Units,
    /// Hashes contributed for it.
    pub work: Work,
    /// Hashes promised in the same epochs.
    pub promised_work: Work,
    /// Delivered ÷ promised in millionths; null before the first epoch.
    pub delivered_ppm: Option<u64>,
    /// Sum of its credits.
    pub credited_sats: Sats,
    /// What of it is paid out in logged payouts.
    pub paid_sats: Sats,
    /// What of it is owed at the log's end.
    pub unpaid_sats: Sats,
    /// Work epoch by epoch.
    pub epochs: Vec<super::EpochClaim>,
    /// Credits settlement by settlement.
    pub settlements: Vec<super::SettlementClaim>,
    /// Credits accrual by accrual.
    pub accruals: Vec<super::AccrualClaim>,
    /// What it was credited when it had ended.
    pub conclusions: Vec<super::ConclusionClaim>,
}

macro_rules! checks {
    ($($variant:ident $id:literal $sentence:literal,)*) => {
        /// The checks, in the order of trust.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum CheckId {
            $(#[doc = $sentence] #[serde(rename = $id)] $variant,)*
        }

        impl CheckId {
            /// Every check.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The id, as in `docs/LOG.md`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What the check says when it holds.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

checks! {
    BundleIntact "bundle.intact" "The bundle is complete and no file of it was changed.",
    LogSigned "log.signed" "The log's head is signed with the key you trust and seen by the witnesses you ask for.",
    LogGrew "log.grew" "The log only grew since you last looked: nothing was rewritten.",
    LogComplete "log.complete" "Every entry of the log is here, in order, with no epoch missing.",
    LogTime "log.time" "Each epoch's work carries times that fit the epoch.",
    ChainLinked "chain.linked" "It all stands on one chain of blocks that follows the network's rules.",
    JobAnchored "job.anchored" "All work was for this log and its chain, fixed before it was done, and could pay only the pool.",
    ShareWork "share.work" "Every share was recomputed: the hashes were really computed, once, as claimed.",
    SharePlausible "share.plausible" "The best hashes are as rare as all the claimed work makes them.",
    AllocMine "alloc.mine" "My contract has its full units in every epoch of its term.",
    AllocAll "alloc.all" "Every running contract is in every epoch, and nothing else is.",
    AllocSum "alloc.sum" "Who gets how much of an epoch was fixed before its work began.",
    ContractLife "contract.life" "Contracts are suspended, resumed and ended where their terms say so, and nowhere else.",
    ContractHashes "contract.hashes" "The hashes contributed for my contract add up as claimed.",
    BlockAll "block.all" "Every block the pool found is reported with its full reward, and none is hidden on the chain.",
    SettleMine "settle.mine" "My credits are right to the last satoshi.",
    SettleSum "settle.sum" "Each reward was divided without anything lost or left over.",
    AccrualSum "accrual.sum" "What is paid by time is the work at each epoch's own price, and nothing is left out.",
    ConclusionSum "conclusion.sum" "What the terms give back for unused time and missing work is credited in full.",
    InputChain "input.chain" "The fee rates and prices that the operator logs are what the chain itself says.",
    PayoutMine "payout.mine" "My payouts went to my address, and what I am still owed is on the operator's list.",
    LiabSum "liab.sum" "Everything the operator owes is on his list, to the last satoshi, with the coins that back it.",
    VerifierSelf "verifier.self" "This verifier is the one published in the log.",
}

impl Place {
    /// A place with its two values.
    pub fn new(
        file: impl Into<String>,
        index: Option<u64>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), index, expected: expected.into(), found: found.into() }
    }
}

/// What an audit came to besides its checks.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) totals: Totals,
    pub(super) contract: Option<ContractReport>,
    pub(super) estimate: Option<Estimate>,
    pub(super) sampling: Option<Sampling>,
}

/// Collects results while checks run.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<CheckId, Finding>);

#[derive(Default)]
struct Finding {
    outcome: Option<Outcome>,
    detail: String,
    /// What is said behind the detail, whichever part of the audit comes last.
    remark: String,
    failures: Vec<Place>,
    count: u64,
}

impl Findings {
    /// A check ran; `detail` says over what. Failures may have been or may yet be added.
    pub(super) fn note(&mut self, check: CheckId, detail: impl Into<String>) {
        let finding = self.0.entry(check).or_default();
        finding.outcome.get_or_insert(Outcome::Held);
        finding.detail = detail.into();
    }

    /// Says something behind the check's detail; it does not decide the check.
    pub(super) fn remark(&mut self, check: CheckId, remark: impl Into<String>) {
        self.0.entry(check).or_default().remark = remark.into();
    }

    /// A check failed here.
    pub(super) fn fail(&mut self, check: CheckId, place: Place) {
        let finding = self.0.entry(check).or_default();
        finding.outcome = Some(Outcome::Failed);
        finding.count += 1;
        if finding.failures.len() < KEPT_FAILURES {
            finding.failures.push(place);
        }
    }

    /// A check has nothing to check.
    pub(super) fn not_applicable(&mut self, check: CheckId, why: &str) {
        self.set(check, Outcome::NotApplicable, why);
    }

    /// A check could not be decided.
    pub(super) fn not_checked(&mut self, check: CheckId, why: &str) {
        self.set(check, Outcome::NotChecked, why);
    }

    /// A check holds, but only for the public id.
    pub(super) fn not_bound(&mut self, check: CheckId, why: &str) {
        self.set(check, Outcome::NotBound, why);
    }

    /// Fails `check` unless the two values are equal.
    pub(super) fn equal<T: PartialEq + ToString>(
        &mut self,
        check: CheckId,
        file: &str,
        what: &str,
        expected: &T,
        found: &T,
    ) {
        if expected != found {
            let expected = alloc::format!("{what} {}", expected.to_string());
            self.fail(check, Place::new(file, None, expected, found.to_string()));
        }
    }

    fn set(&mut self, check: CheckId, outcome: Outcome, detail: &str) {
        let finding = self.0.entry(check).or_default();
        if finding.outcome != Some(Outcome::Failed) {
            finding.outcome = Some(outcome);
            finding.detail = detail.into();
        }
    }

    /// The report, every check in it.
    pub(super) fn into_report(mut self, depth: Depth, log: Option<&Log>, sums: Sums) -> AuditReport {
        let checkpoint = log.map(|log| &log.checkpoint);
        let checks: Vec<CheckReport> = CheckId::ALL.iter().map(|check| self.take(*check)).collect();
        let left_out = |check: &CheckReport| matches!(check.outcome, Outcome::Failed | Outcome::NotChecked);
        let Sums { totals, contract, estimate, sampling } = sums;
        AuditReport {
            format: 1,
            origin: checkpoint.map(|checkpoint| checkpoint.origin.clone()).unwrap_or_default(),
            tree_size: checkpoint.map_or(0, |checkpoint| checkpoint.size),
            root: checkpoint.map(|checkpoint| checkpoint.root).unwrap_or_default(),
            cosigned: log.map(|log| log.cosigned.clone()).unwrap_or_default(),
            epochs: (totals.epochs > 0).then_some(EpochRange { first: 1, last: totals.epochs }),
            depth: depth.name(),
            held: !checks.iter().any(left_out),
            estimate,
            sampling,
            checks,
            totals,
            contract,
        }
    }

    /// One check's result.
    pub(super) fn take(&mut self, check: CheckId) -> CheckReport {
        let missing = Finding { detail: "an earlier check failed".into(), ..Finding::default() };
        let finding = self.0.remove(&check).unwrap_or(missing);
        let apart = if finding.detail.is_empty() || finding.remark.is_empty() { "" } else { "; " };
        CheckReport {
            id: check,
            sentence: check.sentence(),
            outcome: finding.outcome.unwrap_or(Outcome::NotChecked),
            detail: alloc::format!("{}{apart}{}", finding.detail, finding.remark),
            place: finding.failures.first().cloned(),
            failures: finding.failures,
            failure_count: finding.count,
        }
    }
}
