//! The audit: everything that is claimed is recomputed from the evidence, check by check.
//!
//! In scope: the checks of `docs/LOG.md`, in the depth that was asked for. Out of scope: where evidence comes from
//! ([`Evidence`] is the caller's), who recomputes shares ([`Counters`]), and what a person is shown (the caller prints
//! the [`AuditReport`]).
//!
//! The order is that of trust: the signed checkpoint, then every entry under it, then the chain's headers and coinbases,
//! then epoch by epoch the kept checkpoints, the allocation, the jobs and the shares, the blocks, and the settlements that are due by then; with each
//! what concerns the one contract. Epochs pass by as a stream: what is kept of one is a few hundred bytes, whatever its
//! files hold (docs/ARCHITECTURE.md).

mod accruals;
mod allocations;
mod blocks;
mod chain;
mod conclusions;
mod contract;
mod count;
mod credited;
mod epoch;
mod evidence;
mod in_flight;
mod inputs;
mod liabilities;
mod life;
mod log;
mod periods;
mod plan;
mod plausible;
mod report;
mod request;
mod running;
mod sampling;
mod settlements;

pub use count::{
    BEST_HASHES, Chunks, CountError, CountTask, Counted, Counters, Failure, Inline, JobsOnBlock, TASK_CHUNKS, count,
};
pub use evidence::{Evidence, FetchError, Progress, range_of};
pub use plausible::Estimate;
pub use report::{AuditReport, CheckId, CheckReport, ContractReport, EpochRange, Outcome, Place, Totals};
pub use request::{
    AccrualClaim, AuditRequest, Claims, ConclusionClaim, ContractQuery, DEFAULT_SAMPLES, Depth, EpochClaim,
    SettlementClaim,
};
pub use sampling::Sampling;

use evidence::Source;
use log::{Log, LogEpoch};
use report::{Findings, Sums};

use crate::{allocation::Allocation, scheme::Price, work::Work};

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
        return findings.into_report(request.depth, None, Sums::default());
    };
    log::verifier_is_published(&log, request, &mut findings);
    let chain = chain::ChainSide::read(&mut source, &log, request, &mut findings).await;
    source.begin_epochs(&log, request.depth);
    let mut stream = Stream::new(&log, chain, counters, request, &mut findings);
    for epoch in &log.epochs {
        stream.epoch(&mut source, epoch, &mut findings).await;
    }
    source.end_epochs();
    stream.settle(&mut source, u64::MAX, &mut findings).await;
    stream.debts.read_rest(&mut source, &mut findings).await;
    let sums = stream.finish(&mut findings);
    findings.into_report(request.depth, Some(&log), sums)
}

/// What passes from epoch to epoch: a part for each concern.
struct Stream<'a, C> {
    log: &'a Log,
    depth: Depth,
    kept: log::Kept<'a>,
    chain: chain::ChainSide<'a>,
    allocations: allocations::Allocations,
    epochs: epoch::Epochs<'a, C>,
    pool: plausible::Pool,
    blocks: blocks::Blocks<'a>,
    books: settlements::Books<'a>,
    inputs: inputs::Inputs<'a>,
    accruals: accruals::Accruals<'a>,
    lives: life::Lives<'a>,
    conclusions: conclusions::Conclusions<'a>,
    debts: liabilities::Debts<'a>,
    contract: Option<contract::Contract<'a>>,
}

impl<'a, C: Counters> Stream<'a, C> {
    fn new(
        log: &'a Log,
        chain: chain::ChainSide<'a>,
        counters: &'a C,
        request: &'a AuditRequest,
        findings: &mut Findings,
    ) -> Self {
        Self {
            log,
            depth: request.depth,
            kept: log::Kept::new(log, request),
            chain,
            allocations: allocations::Allocations::default(),
            epochs: epoch::Epochs::new(log, counters, request.depth),
            pool: plausible::Pool::default(),
            blocks: blocks::Blocks::new(log, request.depth),
            books: settlements::Books::new(log),
            inputs: inputs::Inputs::new(log),
            accruals: accruals::Accruals::new(log),
            lives: life::Lives::new(log),
            conclusions: conclusions::Conclusions::new(log),
            debts: liabilities::Debts::new(log, request),
            contract: contract::Contract::find(request, log, findings),
        }
    }

    async fn epoch<E: Evidence>(&mut self, source: &mut Source<'_, E>, epoch: &LogEpoch, findings: &mut Findings) {
        source.progress.epoch = epoch.open.epoch;
        self.kept.check(source, epoch, findings).await;
        self.chain.epoch(source, epoch, findings).await;
        let shared = self.allocations.of(source, epoch, findings).await;
        let allocation = shared.as_deref();
        if let Some(allocation) = allocation {
            running::check(self.log, epoch, allocation, findings);
        }
        if let Some(contract) = &mut self.contract {
            contract.is_listed(epoch, allocation, findings);
        }
        let fees_ppm = self.inputs.fees_ppm(epoch, allocation, findings);
        let Some((_, close)) = &epoch.close else { return };
        let recounted = self.epochs.recount(source, epoch, close, &mut self.chain, findings).await;
        self.pool.add(close.shares.count, &recounted);
        self.blocks.check(epoch.open.epoch, recounted.blocks.as_deref(), findings);
        self.books.add_epoch(shared.as_ref(), recounted.work);
        self.debts.add_coins(recounted.coins);
        if let Some(contract) = &mut self.contract {
            contract.add_epoch(epoch, allocation, recounted.work);
        }
        let work = allocation.map(|allocation| (allocation, recounted.work));
        let price = self.chain.price(epoch, fees_ppm);
        self.accrue(source, epoch, work, price, findings).await;
        self.conclude(source, epoch, work, price, findings).await;
        self.settle(source, epoch.open.epoch, findings).await;
    }

    /// The accrual of the period that ends with an epoch.
    async fn accrue<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        work: Option<(&Allocation, Work)>,
        price: Option<Price>,
        findings: &mut Findings,
    ) {
        let Some(accrual) = self.accruals.add_epoch(source, epoch, work, price, findings).await else { return };
        if let Some(contract) = &mut self.contract {
            contract.add_accrual(&accrual, findings);
        }
        self.debts.credit(source, accrual, findings).await;
    }

    /// What the end of a period means for contracts, and the conclusion of those that have ended.
    async fn conclude<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        work: Option<(&Allocation, Work)>,
        price: Option<Price>,
        findings: &mut Findings,
    ) {
        self.conclusions.add_epoch(epoch, work);
        let Some(end) = periods::ended_with(self.log, epoch) else { return };
        self.lives.period_ended(&end, epoch, price, findings);
        let Some(conclusion) = self.conclusions.period_ended(source, &end, findings).await else { return };
        if let Some(contract) = &mut self.contract {
            contract.add_conclusion(&conclusion, findings);
        }
        self.debts.credit(source, conclusion, findings).await;
    }

    /// The settlements of groups up to an epoch.
    async fn settle<E: Evidence>(&mut self, source: &mut Source<'_, E>, epoch: u64, findings: &mut Findings) {
        while let Some(settlement) = self.books.settle(source, epoch, findings).await {
            if let Some(contract) = &mut self.contract {
                contract.add_settlement(&settlement, findings);
            }
            self.debts.credit(source, settlement, findings).await;
        }
    }

    fn finish(self, findings: &mut Findings) -> Sums {
        self.allocations.tell(findings);
        findings.note(CheckId::AllocAll, alloc::format!("{} contracts", self.log.contracts.len()));
        self.epochs.finish(findings);
        self.kept.tell(findings);
        let estimate = self.pool.finish(self.depth, findings);
        self.blocks.finish(findings);
        self.books.finish(findings);
        self.accruals.finish(findings);
        self.lives.finish(findings);
        self.conclusions.finish(findings);
        self.inputs.finish(&self.chain, findings);
        let owed = self.debts.finish(&self.chain, findings);
        let epochs = &self.epochs;
        let sampling = match self.depth {
            Depth::Sampled { samples, seed } => Some(Sampling::new(samples, seed, epochs.chunks, epochs.shares)),
            Depth::Exact | Depth::Estimate => None,
        };
        let totals = Totals {
            epochs: epochs.sealed,
            shares: epochs.shares,
            work: epochs.work,
            blocks: self.log.blocks.len() as u64,
            reward_sats: self.books.reward,
            credits_sats: self.books.credits,
            unpaid_sats: owed.unpaid,
            coins_sats: owed.coins,
        };
        let contract = self.contract.map(|contract| contract.finish(owed.mine.as_ref(), findings));
        Sums { totals, contract, estimate, sampling }
    }
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
