//! alloc.mine, contract.hashes, settle.mine and payout.mine: what concerns the one contract that was asked for.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    AccrualClaim, AuditRequest, CheckId, Claims, ConclusionClaim, ContractQuery, ContractReport, EpochClaim, Place,
    SettlementClaim,
    credited::Credited,
    liabilities::Mine,
    log::{Log, LogEpoch},
    report::Findings,
};
use crate::{
    allocation::Allocation,
    contract::Receipt,
    entry::ContractOpen,
    life::LoggedContract,
    settlement::Credit,
    work::{Sats, Work},
};

const MINE: [CheckId; 4] = [CheckId::AllocMine, CheckId::ContractHashes, CheckId::SettleMine, CheckId::PayoutMine];

/// The contract that was asked for, followed epoch by epoch.
pub(super) struct Contract<'a> {
    query: &'a ContractQuery,
    claims: Option<&'a Claims>,
    log: &'a Log,
    contract: &'a LoggedContract,
    /// Epochs of its term that opened.
    epochs_in_term: u64,
    /// Those in which it was suspended or closed.
    epochs_left_out: u64,
    /// Length of the closed ones in which it ran.
    milliseconds: u64,
    work: Vec<EpochClaim>,
    credits: Vec<SettlementClaim>,
    accruals: Vec<AccrualClaim>,
    conclusions: Vec<ConclusionClaim>,
}

impl<'a> Contract<'a> {
    /// `None` when no contract was asked for, or the log has none of this id.
    pub(super) fn find(request: &'a AuditRequest, log: &'a Log, findings: &mut Findings) -> Option<Self> {
        let Some(query) = &request.contract else {
            MINE.iter().for_each(|check| findings.not_applicable(*check, "no contract was named"));
            return None;
        };
        let id = query.id();
        let Some(contract) = log.contracts.iter().find(|contract| contract.open.contract == id) else {
            let place = Place::new("log/tile/entries", None, format!("contract_open of {id}"), "none");
            findings.fail(CheckId::AllocMine, place);
            return None;
        };
        Some(Self {
            query,
            claims: request.claims.as_ref(),
            log,
            contract,
            epochs_in_term: 0,
            epochs_left_out: 0,
            milliseconds: 0,
            work: Vec::new(),
            credits: Vec::new(),
            accruals: Vec::new(),
            conclusions: Vec::new(),
        })
    }

    /// An epoch opened: the contract is listed with its units if it runs in it. Whether it may be suspended or closed is
    /// contract.life's business.
    pub(super) fn is_listed(&mut self, epoch: &LogEpoch, allocation: Option<&Allocation>, findings: &mut Findings) {
        let is_in_term = self.contract.is_in_term(epoch.open.start_ms);
        self.epochs_in_term += u64::from(is_in_term);
        self.epochs_left_out += u64::from(is_in_term && !self.runs_in(epoch));
        let Some(allocation) = allocation.filter(|_| self.runs_in(epoch)) else { return };
        let open = &self.contract.open;
        let found = allocation.units_of(&open.contract);
        if found != Some(open.units) {
            let path = Allocation::path(&allocation.root());
            let expected = format!("{} H/s for contract {} in epoch {}", open.units, open.contract, epoch.open.epoch);
            let found = found.map_or("none".to_string(), |units| units.to_string());
            findings.fail(CheckId::AllocMine, Place::new(path, None, expected, found));
        }
    }

    /// An epoch was sealed with this work: the contract has its part of it.
    pub(super) fn add_epoch(&mut self, epoch: &LogEpoch, allocation: Option<&Allocation>, work: Work) {
        if self.runs_in(epoch) {
            let end_ms = self.log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
            self.milliseconds += end_ms.saturating_sub(epoch.open.start_ms);
        }
        let part = allocation.and_then(|allocation| {
            let position = allocation.entries().iter().position(|entry| entry.id == self.contract.open.contract)?;
            allocation.divide(work).get(position).copied()
        });
        self.work.extend(part.map(|work| EpochClaim { epoch: epoch.open.epoch, work }));
    }

    /// The published credit is the recomputed one.
    pub(super) fn add_settlement(&mut self, credited: &Credited, findings: &mut Findings) {
        if let Some(credit_sats) = self.credit_of(credited, findings) {
            self.credits.push(SettlementClaim { settlement: credited.number, credit_sats });
        }
    }

    /// The same of an accrual.
    pub(super) fn add_accrual(&mut self, credited: &Credited, findings: &mut Findings) {
        if let Some(credit_sats) = self.credit_of(credited, findings) {
            self.accruals.push(AccrualClaim { accrual: credited.number, credit_sats });
        }
    }

    /// The same of a conclusion.
    pub(super) fn add_conclusion(&mut self, credited: &Credited, findings: &mut Findings) {
        if let Some(credit_sats) = self.credit_of(credited, findings) {
            self.conclusions.push(ConclusionClaim { conclusion: credited.number, credit_sats });
        }
    }

    /// The recomputed credit, which the published one must be; `None` when it is nothing, or can't be recomputed.
    fn credit_of(&self, credited: &Credited, findings: &mut Findings) -> Option<Sats> {
        let mine = |credits: &[Credit]| {
            let mine = credits.iter().find(|credit| credit.id == self.contract.open.contract);
            mine.map(|credit| credit.sats).unwrap_or_default()
        };
        let recomputed = mine(credited.recomputed.as_deref()?);
        let published = mine(credited.published.as_deref().unwrap_or_default());
        findings.equal(CheckId::SettleMine, &credited.path, "credit", &recomputed, &published);
        (recomputed > Sats::ZERO).then_some(recomputed)
    }

    /// `owed` is what credits and payouts leave of it.
    pub(super) fn finish(self, owed: Option<&Mine>, findings: &mut Findings) -> ContractReport {
        self.bound(findings);
        if let Some(mine) = owed {
            mine.note(findings);
        }
        if let Some(claims) = self.claims {
            work_as_claimed(&self.work, &claims.epochs, findings);
            credits_as_claimed(&self.credits, &claims.credits, findings);
            accruals_as_claimed(&self.accruals, &claims.accruals, findings);
            conclusions_as_claimed(&self.conclusions, &claims.conclusions, findings);
        }
        let (paid_sats, unpaid_sats) = owed.map(|mine| (mine.paid, mine.unpaid())).unwrap_or_default();
        ContractReport { paid_sats, unpaid_sats, ..self.report(findings) }
    }

    fn runs_in(&self, epoch: &LogEpoch) -> bool {
        self.contract.runs_in(epoch.open_index, epoch.open.start_ms)
    }

    /// The receipt's details are what was logged; without a receipt the id is bound to nothing.
    fn bound(&self, findings: &mut Findings) {
        let (check, open) = (CheckId::AllocMine, &self.contract.open);
        let ContractQuery::Receipt(receipt) = self.query else {
            return findings.not_bound(check, "without nonce and details the id could be shown to several buyers");
        };
        let (in_term, opened) = (self.epochs_in_term, self.log.epochs.len());
        let left_out = match self.epochs_left_out {
            0 => String::new(),
            epochs => format!(", suspended or closed in {epochs} of them"),
        };
        findings.note(check, format!("{} H/s in {in_term} of {opened} epochs{left_out}", open.units));
        let logged = told(open);
        let bought = bought(receipt);
        if logged != bought {
            let (index, file) = (self.contract.open_index, self.log.file_of(self.contract.open_index));
            findings.fail(check, Place::new(file, Some(index), bought, logged));
        }
    }

    fn report(self, findings: &mut Findings) -> ContractReport {
        let work = self.work.iter().fold(Work::ZERO, |sum, part| sum.checked_add(part.work).unwrap_or(sum));
        let units = self.contract.open.units;
        let promised_work = Work::new(units.get().saturating_mul(self.milliseconds.into()) / 1_000);
        let credits = self.credits.iter().map(|part| part.credit_sats);
        let credits = credits.chain(self.accruals.iter().map(|part| part.credit_sats));
        let credits = credits.chain(self.conclusions.iter().map(|part| part.credit_sats));
        let credited_sats = credits.fold(Sats::ZERO, |sum, part| sum.checked_add(part).unwrap_or(sum));
        findings.note(CheckId::ContractHashes, format!("{work} hashes of {promised_work} promised"));
        let (settlements, accruals) = (self.credits.len(), self.accruals.len());
        let by_time = if accruals == 0 { String::new() } else { format!(" and {accruals} accruals") };
        let ended = if self.conclusions.is_empty() { "" } else { " and a conclusion" };
        let detail = format!("{credited_sats} sats in {settlements} settlements{by_time}{ended}");
        findings.note(CheckId::SettleMine, detail);
        ContractReport {
            id: self.contract.open.contract,
            bound: matches!(self.query, ContractQuery::Receipt(_)),
            units_hs: units,
            work,
            promised_work,
            delivered_ppm: parts_per_million(work, promised_work),
            credited_sats,
            paid_sats: Sats::ZERO,
            unpaid_sats: credited_sats,
            epochs: self.work,
            settlements: self.credits,
            accruals: self.accruals,
            conclusions: self.conclusions,
        }
    }
}

fn bought(receipt: &Receipt) -> String {
    receipt.contract_open().map_or_else(|error| error.to_string(), |open| told(&open))
}

fn told(open: &ContractOpen) -> String {
    let ContractOpen { units, from_ms, until_ms, price_sats, terms, .. } = open;
    format!("{units} H/s from {from_ms} to {until_ms} for {price_sats} sats, terms {terms}")
}

/// Every work the page claims is the recomputed one; for an epoch that the log has not closed there is none. Claims must
/// be read before the checkpoint.
fn work_as_claimed(work: &[EpochClaim], claims: &[EpochClaim], findings: &mut Findings) {
    let recomputed = |epoch| work.iter().find(|part| part.epoch == epoch).map(|part| part.work).unwrap_or_default();
    for claim in claims {
        let file = format!("claims of the page, epoch {}", claim.epoch);
        findings.equal(CheckId::ContractHashes, &file, "work", &recomputed(claim.epoch), &claim.work);
    }
}

/// Every credit the page claims is the recomputed one; for a settlement that is not logged there is none.
fn credits_as_claimed(credits: &[SettlementClaim], claims: &[SettlementClaim], findings: &mut Findings) {
    for claim in claims {
        let recomputed = credits.iter().find(|credit| credit.settlement == claim.settlement);
        let recomputed = recomputed.map(|credit| credit.credit_sats).unwrap_or_default();
        let file = format!("claims of the page, settlement {}", claim.settlement);
        findings.equal(CheckId::SettleMine, &file, "credit", &recomputed, &claim.credit_sats);
    }
}

/// The same of accruals.
fn accruals_as_claimed(accruals: &[AccrualClaim], claims: &[AccrualClaim], findings: &mut Findings) {
    for claim in claims {
        let recomputed = accruals.iter().find(|credit| credit.accrual == claim.accrual);
        let recomputed = recomputed.map(|credit| credit.credit_sats).unwrap_or_default();
        let file = format!("claims of the page, accrual {}", claim.accrual);
        findings.equal(CheckId::SettleMine, &file, "credit", &recomputed, &claim.credit_sats);
    }
}

/// The same of conclusions.
fn conclusions_as_claimed(conclusions: &[ConclusionClaim], claims: &[ConclusionClaim], findings: &mut Findings) {
    for claim in claims {
        let recomputed = conclusions.iter().find(|credit| credit.conclusion == claim.conclusion);
        let recomputed = recomputed.map(|credit| credit.credit_sats).unwrap_or_default();
        let file = format!("claims of the page, conclusion {}", claim.conclusion);
        findings.equal(CheckId::SettleMine, &file, "credit", &recomputed, &claim.credit_sats);
    }
}

fn parts_per_million(work: Work, promised: Work) -> Option<u64> {
    let scaled = ruint::aliases::U256::from(work.get()) * ruint::aliases::U256::from(1_000_000u32);
    let ratio = scaled.checked_div(ruint::aliases::U256::from(promised.get()))?;
    Some(u64::try_from(ratio).unwrap_or(u64::MAX))
}
