//! settle.sum: groups of blocks, rewards, fees and every credit, recomputed.
//!
//! The blocks of one epoch are a group. It settles over the epochs after the last settled group, once it and all earlier
//! ones are decided; a group whose blocks were all orphaned leaves its epochs to the next one. Work is kept by contract
//! only since the last reward that was pooled, and epoch by epoch only as far back as PPLNS windows reach.

mod groups;
mod recent;

use alloc::{format, rc::Rc, string::ToString, vec::Vec};

use super::{
    CheckId, Evidence, Place,
    credited::{self, Credited},
    evidence::Source,
    log::Log,
    periods::DUE_EPOCHS,
    report::Findings,
};
use crate::{
    allocation::{Allocation, operator_id},
    entry::Settlement,
    hash::BlockHash,
    scheme::{Drawn, TermsOf, draw},
    settlement::{ContractWork, SettleError, Settled, SettlementFile, SettlementInputs, credits_root, settle},
    work::{Sats, Work},
};
use groups::{Due, Groups};
use recent::Recent;

/// The books, kept epoch by epoch.
pub(super) struct Books<'a> {
    log: &'a Log,
    groups: Groups,
    terms: TermsOf,
    /// Position of the next settlement in the log's list; behind its end when no further one can be judged.
    next: usize,
    /// First epoch whose blocks are not settled.
    next_epoch: u64,
    /// First epoch whose work no pooled reward has used up.
    from_epoch: u64,
    carry: Sats,
    /// Number of the next settlement.
    number: u64,
    /// `None` where an epoch's allocation is missing.
    unsettled: Option<Unsettled>,
    /// Settlements judged.
    pub(super) judged: u64,
    /// Rewards settled.
    pub(super) reward: Sats,
    /// Credits given.
    pub(super) credits: Sats,
}

/// What the next settlement depends on.
#[derive(Default)]
struct Unsettled {
    /// Work that no settlement has used up.
    work: ContractWork,
    recent: Recent,
    /// Of the newest epoch.
    allocation: Option<Rc<Allocation>>,
}

impl<'a> Books<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self {
            log,
            groups: Groups::of(log),
            terms: log.contracts.iter().map(|contract| (contract.open.contract, contract.terms)).collect(),
            next: 0,
            next_epoch: 1,
            from_epoch: 1,
            carry: Sats::ZERO,
            number: 1,
            unsettled: Some(Unsettled::default()),
            judged: 0,
            reward: Sats::ZERO,
            credits: Sats::ZERO,
        }
    }

    /// A sealed epoch's work belongs to its allocation.
    pub(super) fn add_epoch(&mut self, allocation: Option<&Rc<Allocation>>, work: Work) {
        let (unsettled, terms) = (self.unsettled.take(), &self.terms);
        self.unsettled = unsettled.zip(allocation).and_then(|(sum, list)| sum.with_epoch(list, work, terms).ok());
    }

    /// Judges the next settlement if it divides the blocks of this epoch, the last one that was added, or can't divide any.
    pub(super) async fn settle<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: u64,
        findings: &mut Findings,
    ) -> Option<Credited> {
        let log = self.log;
        let (index, settlement) = log.settlements.get(self.next)?;
        let due = self.groups.due(self.next_epoch, *index);
        if due.as_ref().is_some_and(|due| due.epoch > epoch) {
            return None;
        }
        self.next += 1;
        let path = SettlementFile::path(settlement.settlement);
        let kind = (CheckId::SettleSum, "a settlement file");
        let published = credited::published(source, path.clone(), kind, SettlementFile::from_bytes, findings).await;
        let Some(recomputed) = self.check(*index, settlement, due, published.as_ref(), findings) else {
            self.next = log.settlements.len();
            return None;
        };
        self.judged += 1;
        self.reward = self.reward.checked_add(settlement.reward_sats).unwrap_or(self.reward);
        self.credits = self.credits.checked_add(settlement.credits.total_sats).unwrap_or(self.credits);
        let published = published.map(|file| file.credits);
        let (index, number) = (*index, settlement.settlement);
        Some(Credited { index, path, number, recomputed: Some(recomputed.credits), published })
    }

    /// Nothing is overdue at the log's end.
    pub(super) fn finish(&self, findings: &mut Findings) {
        let end = self.log.checkpoint.size;
        if let Some(due) = self.groups.due(self.next_epoch, end) {
            self.in_time(&due, end, &self.log.file_of(due.index), due.index, findings);
        }
        findings.note(CheckId::SettleSum, format!("{} settlements, {} sats", self.judged, self.reward));
    }

    /// Recomputes one settlement; `None` when the next ones can't be judged any more.
    fn check(
        &mut self,
        index: u64,
        settlement: &Settlement,
        due: Option<Due>,
        published: Option<&SettlementFile>,
        findings: &mut Findings,
    ) -> Option<Settled> {
        let file = self.log.file_of(index);
        let mut equal = |what: &str, expected: &dyn ToString, found: &dyn ToString| {
            let (expected, found) = (expected.to_string(), found.to_string());
            if expected != found {
                let expected = format!("{what} {expected}");
                findings.fail(CheckId::SettleSum, Place::new(&*file, Some(index), expected, found));
            }
        };
        let Some(due) = due else {
            let expected = format!("no settlement yet: a block of epoch {} or later is not decided", self.next_epoch);
            let found = format!("settlement {}", settlement.settlement);
            findings.fail(CheckId::SettleSum, Place::new(file, Some(index), expected, found));
            return None;
        };
        equal("settlement", &self.number, &settlement.settlement);
        equal("from_epoch", &self.from_epoch, &settlement.from_epoch);
        equal("to_epoch", &due.epoch, &settlement.to_epoch);
        let blocks: Vec<BlockHash> = due.matured.iter().map(|(hash, _)| *hash).collect();
        equal("blocks", &joined(&blocks), &joined(&settlement.blocks));
        equal("carry_in_sats", &self.carry, &settlement.carry_in_sats);
        let (drawn, settled) = self.recompute(&due).ok()??;
        let root = credits_root(&settled.credits).ok()?;
        equal("reward_sats", &drawn.reward().unwrap_or_default(), &settlement.reward_sats);
        equal("solo_sats", &drawn.solo_sats(), &settlement.solo_sats);
        equal("fee_sats", &settled.fee, &settlement.fee_sats);
        equal("maintenance_sats", &settled.maintenance, &settlement.maintenance_sats);
        equal("carry_out_sats", &settled.carry_out, &settlement.carry_out_sats);
        equal("credits in all", &root.total_sats, &settlement.credits.total_sats);
        equal("number of credits", &root.count, &settlement.credits.count);
        equal("root of the credits", &root.root, &settlement.credits.root);
        self.in_time(&due, index, &file, index, findings);
        if let Some(published) = published {
            let path = SettlementFile::path(settlement.settlement);
            findings.equal(CheckId::SettleSum, &path, "settlement", &self.number, &published.settlement);
            if settled.credits != published.credits {
                let at = (CheckId::SettleSum, &*path);
                credited::rows_differ(at, &settled.credits, &published.credits, credited::told, findings);
            }
        }
        self.next_epoch = due.epoch + 1;
        if drawn.is_pooled() {
            self.from_epoch = self.next_epoch;
        }
        self.carry = settled.carry_out;
        self.number += 1;
        Some(settled)
    }

    /// What a settlement must give; the work that it uses up is gone then. `None` where an epoch's allocation is missing.
    fn recompute(&mut self, due: &Due) -> Result<Option<(Drawn, Settled)>, SettleError> {
        let Some(unsettled) = &mut self.unsettled else { return Ok(None) };
        let Some(allocation) = &unsettled.allocation else { return Ok(None) };
        let drawn = draw(&due.matured, allocation, &self.terms)?;
        let inputs = SettlementInputs {
            work: unsettled.work.clone(),
            windows: unsettled.recent.windows(&self.terms, &unsettled.work)?,
            terms: self.terms.clone(),
            operator: operator_id(&self.log.checkpoint.origin),
            drawn,
            carry_in: self.carry,
        };
        let settled = settle(&inputs)?;
        unsettled.work.use_up(inputs.drawn.is_pooled(), &self.terms);
        Ok(Some((inputs.drawn, settled)))
    }

    /// No more than [`DUE_EPOCHS`] epochs open between the entry that made a group due and leaf `until`, where its
    /// settlement stands or the log ends.
    fn in_time(&self, due: &Due, until: u64, file: &str, place: u64, findings: &mut Findings) {
        let opened = self.log.opened_between(due.index, until);
        if opened > DUE_EPOCHS {
            let expected = format!(
                "the settlement of epoch {}, due at entry {}, before {} more epochs open",
                due.epoch,
                due.index,
                DUE_EPOCHS + 1
            );
            findings.fail(CheckId::SettleSum, Place::new(file, Some(place), expected, format!("{opened} opened")));
        }
    }
}

impl Unsettled {
    fn with_epoch(mut self, allocation: &Rc<Allocation>, work: Work, terms: &TermsOf) -> Result<Self, SettleError> {
        self.work.add_epoch(allocation, work)?;
        self.recent.add_epoch(allocation, work, terms);
        self.allocation = Some(allocation.clone());
        Ok(self)
    }
}

fn joined(blocks: &[BlockHash]) -> alloc::string::String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
