//! alloc.mine, contract.hashes and settle.mine: what concerns the one contract that was asked for.

use alloc::{format, string::ToString, vec::Vec};

use super::{
    AuditRequest, CheckId, ContractQuery, ContractReport, EpochClaim, Place, SettlementClaim,
    epoch::Epochs,
    log::{Log, LogEpoch},
    report::Findings,
    settlements::Settlements,
};
use crate::{
    allocation::Allocation,
    contract::Receipt,
    entry::{ContractOpen, Entry},
    hash::Hash32,
    work::{Sats, Work},
};

const MINE: [CheckId; 3] = [CheckId::AllocMine, CheckId::ContractHashes, CheckId::SettleMine];

/// `None` when no contract was asked for, or the log has none of this id.
pub(super) fn check(
    request: &AuditRequest,
    log: &Log,
    epochs: &Epochs<'_>,
    settlements: &Settlements,
    findings: &mut Findings,
) -> Option<ContractReport> {
    let Some(query) = &request.contract else {
        MINE.iter().for_each(|check| findings.not_applicable(*check, "no contract was named"));
        return None;
    };
    let id = query.id();
    let Some((index, open)) = find(log, &id) else {
        let place = Place::new("log/tile/entries", None, format!("contract_open of {id}"), "none");
        findings.fail(CheckId::AllocMine, place);
        return None;
    };
    in_every_epoch(log, epochs, &open, findings);
    bound(query, log, index, &open, epochs, findings);
    let claims = request.claims.clone().unwrap_or_default();
    let work = contributed(epochs, &open);
    let credits = credited(settlements, &id, findings);
    if request.claims.is_some() {
        work_as_claimed(&work, &claims.epochs, findings);
        credits_as_claimed(&credits, &claims.credits, findings);
    }
    Some(report(query, open, work, credits, epochs, findings))
}

fn find(log: &Log, id: &Hash32) -> Option<(u64, ContractOpen)> {
    (0..).zip(&log.entries).find_map(|(index, entry)| match entry {
        Entry::ContractOpen(open) if open.contract == *id => Some((index, *open)),
        _ => None,
    })
}

/// The contract is listed with its units in every epoch of its term: format 1 knows no terms that suspend one.
fn in_every_epoch(log: &Log, epochs: &Epochs<'_>, open: &ContractOpen, findings: &mut Findings) {
    for (epoch, allocation) in log.epochs.iter().zip(&epochs.allocated) {
        let Some(allocation) = allocation else { continue };
        let found = allocation.units_of(&open.contract);
        if in_term(open, epoch) && found != Some(open.units) {
            let path = Allocation::path(&allocation.root());
            let expected = format!("{} H/s for contract {} in epoch {}", open.units, open.contract, epoch.open.epoch);
            let found = found.map_or("none".to_string(), |units| units.to_string());
            findings.fail(CheckId::AllocMine, Place::new(path, None, expected, found));
        }
    }
}

/// The receipt's details are what was logged; without a receipt the id is bound to nothing.
fn bound(
    query: &ContractQuery,
    log: &Log,
    index: u64,
    open: &ContractOpen,
    epochs: &Epochs<'_>,
    findings: &mut Findings,
) {
    let check = CheckId::AllocMine;
    let ContractQuery::Receipt(receipt) = query else {
        return findings.not_bound(check, "without nonce and details the id could be shown to several buyers");
    };
    let in_term = log.epochs.iter().filter(|epoch| in_term(open, epoch)).count();
    findings.note(check, format!("{} H/s in {in_term} of {} epochs", open.units, epochs.allocated.len()));
    let logged = format!("{} H/s from {} to {}, terms {}", open.units, open.from_ms, open.until_ms, open.terms);
    let bought = bought(receipt);
    if logged != bought {
        findings.fail(check, Place::new(log.file_of(index), Some(index), bought, logged));
    }
}

fn bought(receipt: &Receipt) -> alloc::string::String {
    match receipt.details() {
        Ok(details) => {
            format!("{} H/s from {} to {}, terms {}", details.units, details.from_ms, details.until_ms, details.terms)
        }
        Err(error) => error.to_string(),
    }
}

/// Work of the contract in each closed epoch that lists it.
fn contributed(epochs: &Epochs<'_>, open: &ContractOpen) -> Vec<EpochClaim> {
    let part = |(sealed, allocation): (&super::epoch::Sealed, &Option<alloc::rc::Rc<Allocation>>)| {
        let allocation = allocation.as_ref()?;
        let position = allocation.entries().iter().position(|entry| entry.id == open.contract)?;
        let work = allocation.divide(sealed.work).get(position).copied()?;
        Some(EpochClaim { epoch: sealed.epoch, work })
    };
    epochs.sealed.iter().zip(&epochs.allocated).filter_map(part).collect()
}

/// Credits of the contract, settlement by settlement; the published ones must be the recomputed ones.
fn credited(settlements: &Settlements, id: &Hash32, findings: &mut Findings) -> Vec<SettlementClaim> {
    let of = |credits: &[crate::settlement::Credit]| {
        credits.iter().find(|credit| credit.id == *id).map(|credit| credit.sats).unwrap_or_default()
    };
    let mut result = Vec::new();
    for checked in &settlements.checked {
        let (recomputed, published) = (of(&checked.recomputed), of(&checked.published));
        let path = crate::settlement::SettlementFile::path(checked.number);
        findings.equal(CheckId::SettleMine, &path, "credit", &recomputed, &published);
        if recomputed > Sats::ZERO {
            result.push(SettlementClaim { settlement: checked.number, credit_sats: recomputed });
        }
    }
    result
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

fn report(
    query: &ContractQuery,
    open: ContractOpen,
    epoch_work: Vec<EpochClaim>,
    credits: Vec<SettlementClaim>,
    epochs: &Epochs<'_>,
    findings: &mut Findings,
) -> ContractReport {
    let work = epoch_work.iter().fold(Work::ZERO, |sum, part| sum.checked_add(part.work).unwrap_or(sum));
    let promised_work = promised(&open, epochs);
    let credited_sats = credits.iter().fold(Sats::ZERO, |sum, part| sum.checked_add(part.credit_sats).unwrap_or(sum));
    findings.note(CheckId::ContractHashes, format!("{work} hashes of {promised_work} promised"));
    findings.note(CheckId::SettleMine, format!("{credited_sats} sats in {} settlements", credits.len()));
    ContractReport {
        id: open.contract,
        bound: matches!(query, ContractQuery::Receipt(_)),
        units_hs: open.units,
        work,
        promised_work,
        delivered_ppm: parts_per_million(work, promised_work),
        credited_sats,
        epochs: epoch_work,
        settlements: credits,
    }
}

/// Units × seconds of the closed epochs of the term.
fn promised(open: &ContractOpen, epochs: &Epochs<'_>) -> Work {
    let term = open.from_ms..open.until_ms;
    let in_term = epochs.sealed.iter().filter(|sealed| term.contains(&sealed.start_ms));
    let milliseconds: u64 = in_term.map(|sealed| sealed.end_ms.saturating_sub(sealed.start_ms)).sum();
    Work::new(open.units.get().saturating_mul(milliseconds.into()) / 1_000)
}

fn parts_per_million(work: Work, promised: Work) -> Option<u64> {
    let scaled = ruint::aliases::U256::from(work.get()) * ruint::aliases::U256::from(1_000_000u32);
    let ratio = scaled.checked_div(ruint::aliases::U256::from(promised.get()))?;
    Some(u64::try_from(ratio).unwrap_or(u64::MAX))
}

fn in_term(open: &ContractOpen, epoch: &LogEpoch) -> bool {
    (open.from_ms..open.until_ms).contains(&epoch.open.start_ms)
}
