//! The audit: everything that is claimed is recomputed from the evidence, check by check.
//!
//! In scope: the checks of `docs/LOG.md`, in depth *exact*. Out of scope: where evidence comes from ([`Evidence`] is
//! the caller's), and what a person is shown (the caller prints the [`AuditReport`]).
//!
//! The order is that of trust: the signed checkpoint, then every entry under it, then epoch by epoch the allocation,
//! the jobs and the shares, then blocks and settlements, last what concerns one contract.

mod blocks;
mod contract;
mod count;
mod epoch;
mod evidence;
mod in_flight;
mod log;
mod plan;
mod report;
mod request;
mod settlements;

pub use count::{
    BEST_HASHES, Chunks, CountError, CountTask, Counted, Counters, Failure, Inline, JobsOnBlock, TASK_CHUNKS, count,
};
pub use evidence::{Evidence, FetchError, Progress, range_of};
pub use report::{AuditReport, CheckId, CheckReport, ContractReport, EpochRange, Outcome, Place, Totals};
pub use request::{AuditRequest, Claims, ContractQuery, DEFAULT_SAMPLES, Depth, EpochClaim, SettlementClaim};

use evidence::Source;
use report::Findings;

/// Audits the log that `request.policy` names, from `evidence`, its shares recomputed by `counters` on the same evidence.
/// Never fails: what can't be fetched, parsed or verified is a finding in the report.
pub async fn audit<E: Evidence, C: Counters>(
    evidence: &E,
    counters: &C,
    request: &AuditRequest,
    progress: &mut dyn FnMut(Progress),
) -> AuditReport {
    let mut findings = Findings::default();
    bundle_is_intact(request, &mut findings);
    let mut source = Source::new(evidence, progress);
    let Some(log) = log::read(&mut source, request, &mut findings).await else {
        return findings.into_report(request.depth, None, Totals::default(), None);
    };
    log::verifier_is_published(&log, request, &mut findings);
    let mut epochs = epoch::Epochs::new(&log);
    epochs.check_all(&mut source, counters, request.depth, &mut findings).await;
    blocks::check(&log, &epochs, &mut findings);
    let settlements = settlements::check(&mut source, &log, &epochs, &mut findings).await;
    let contract = contract::check(request, &log, &epochs, &settlements, &mut findings);
    let totals = Totals {
        epochs: epochs.sealed.len() as u64,
        shares: epochs.shares,
        work: epochs.work,
        blocks: log.blocks.len() as u64,
        reward_sats: settlements.reward,
        credits_sats: settlements.credits,
    };
    findings.into_report(request.depth, Some(&log.checkpoint), totals, contract)
}

fn bundle_is_intact(request: &AuditRequest, findings: &mut Findings) {
    match &request.bundle {
        None => findings.not_applicable(CheckId::BundleIntact, "the evidence is not a bundle"),
        Some(places) => {
            findings.note(CheckId::BundleIntact, "every file is listed in SHA256SUMS and has its hash");
            for place in places {
                findings.fail(CheckId::BundleIntact, place.clone());
            }
        }
    }
}
