//! settle.sum: groups of blocks, rewards, fees and every credit, recomputed.
//!
//! The blocks of one epoch are a group. It settles over the epochs after the last settled group, once it and all earlier
//! ones are decided; a group whose blocks were all orphaned leaves its epochs to the next one.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::ToString,
    vec::Vec,
};

use super::{CheckId, Evidence, Place, epoch::Epochs, evidence::Source, log::Log, report::Findings};
use crate::{
    entry::{Entry, Settlement},
    hash::{BlockHash, Hash32},
    settlement::{ContractWork, Credit, Settled, SettlementFile, SettlementInputs, credits_root, settle},
    work::Sats,
};

/// Longest settlement file that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;
/// Epochs that may open between the moment a group is due and its settlement.
const DUE_EPOCHS: u64 = 2;

/// What the settlements came to.
pub(super) struct Settlements {
    /// Rewards settled.
    pub(super) reward: Sats,
    /// Credits given.
    pub(super) credits: Sats,
    /// Each settlement's number with its recomputed and its published credits.
    pub(super) checked: Vec<CheckedSettlement>,
}

pub(super) struct CheckedSettlement {
    pub(super) number: u64,
    pub(super) recomputed: Vec<Credit>,
    pub(super) published: Vec<Credit>,
}

pub(super) async fn check<E: Evidence>(
    source: &mut Source<'_, E>,
    log: &Log,
    epochs: &Epochs<'_>,
    findings: &mut Findings,
) -> Settlements {
    source.progress.stage = "settlement";
    let mut books = Books { log, epochs, next_epoch: 1, carry: Sats::ZERO, number: 1 };
    let mut result = Settlements { reward: Sats::ZERO, credits: Sats::ZERO, checked: Vec::new() };
    for (index, settlement) in &log.settlements {
        source.tell();
        let path = SettlementFile::path(settlement.settlement);
        let bytes = source.fetch(&path, FILE_MAX, CheckId::SettleSum, findings).await;
        let published = bytes.and_then(|bytes| match SettlementFile::from_bytes(&bytes) {
            Ok(file) => Some(file),
            Err(error) => {
                findings.fail(CheckId::SettleSum, Place::new(&*path, None, "a settlement file", error.to_string()));
                None
            }
        });
        let Some(recomputed) = books.check(*index, settlement, published.as_ref(), findings) else { break };
        result.reward = result.reward.checked_add(settlement.reward_sats).unwrap_or(result.reward);
        result.credits = result.credits.checked_add(settlement.credits.total_sats).unwrap_or(result.credits);
        let (number, published) = (settlement.settlement, published.map(|file| file.credits).unwrap_or_default());
        result.checked.push(CheckedSettlement { number, recomputed: recomputed.credits, published });
    }
    books.nothing_is_overdue(findings);
    let detail = format!("{} settlements, {} sats", result.checked.len(), result.reward);
    findings.note(CheckId::SettleSum, detail);
    result
}

struct Books<'a> {
    log: &'a Log,
    epochs: &'a Epochs<'a>,
    /// First epoch that is not settled.
    next_epoch: u64,
    carry: Sats,
    /// Number of the next settlement.
    number: u64,
}

impl Books<'_> {
    /// Recomputes one settlement; `None` when the next ones can't be judged any more.
    fn check(
        &mut self,
        index: u64,
        settlement: &Settlement,
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
        let due = Group::due(self.log, self.next_epoch, index);
        let Some(group) = due else {
            equal("a group whose blocks are all decided, from epoch", &self.next_epoch, &settlement.to_epoch);
            return None;
        };
        equal("settlement", &self.number, &settlement.settlement);
        equal("from_epoch", &self.next_epoch, &settlement.from_epoch);
        equal("to_epoch", &group.epoch, &settlement.to_epoch);
        equal("blocks", &joined(&group.matured), &joined(&settlement.blocks));
        equal("reward_sats", &group.reward, &settlement.reward_sats);
        equal("carry_in_sats", &self.carry, &settlement.carry_in_sats);
        let settled = self.recompute(&group)?;
        let root = credits_root(&settled.credits).ok()?;
        equal("fee_sats", &settled.fee, &settlement.fee_sats);
        equal("carry_out_sats", &settled.carry_out, &settlement.carry_out_sats);
        equal("credits in all", &root.total_sats, &settlement.credits.total_sats);
        equal("number of credits", &root.count, &settlement.credits.count);
        equal("root of the credits", &root.root, &settlement.credits.root);
        if let Some(published) = published {
            let path = SettlementFile::path(settlement.settlement);
            findings.equal(CheckId::SettleSum, &path, "settlement", &self.number, &published.settlement);
            self.file_is_the_recomputed(&path, &settled.credits, &published.credits, findings);
        }
        self.next_epoch = group.epoch + 1;
        self.carry = settled.carry_out;
        self.number += 1;
        Some(settled)
    }

    fn recompute(&self, group: &Group) -> Option<Settled> {
        let mut work = ContractWork::default();
        for epoch in self.next_epoch..=group.epoch {
            let position = usize::try_from(epoch - 1).ok()?;
            let allocation = self.epochs.allocated.get(position)?.as_ref()?;
            work.add_epoch(allocation, self.epochs.sealed.get(position)?.work).ok()?;
        }
        let inputs = SettlementInputs { work, fee_ppm: fees(self.log), reward: group.reward, carry_in: self.carry };
        settle(&inputs).ok()
    }

    fn file_is_the_recomputed(&self, path: &str, ours: &[Credit], theirs: &[Credit], findings: &mut Findings) {
        let differs = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
        let differs = differs.or((ours.len() != theirs.len()).then_some(ours.len().min(theirs.len())));
        if let Some(index) = differs {
            let told = |credits: &[Credit]| match credits.get(index) {
                Some(credit) => format!("{} sats for {}", credit.sats, credit.id),
                None => "the end".into(),
            };
            let place = Place::new(path, Some(index as u64), told(ours), told(theirs));
            findings.fail(CheckId::SettleSum, place);
        }
    }

    /// A group that is due is settled before the second epoch after that opens.
    fn nothing_is_overdue(&self, findings: &mut Findings) {
        let opened_since = |index: u64| self.log.epochs.iter().filter(|epoch| epoch.open_index > index).count() as u64;
        let Some(group) = Group::due(self.log, self.next_epoch, self.log.checkpoint.size) else { return };
        if opened_since(group.due_index) > DUE_EPOCHS {
            let expected = format!("the settlement of epoch {} within {DUE_EPOCHS} epochs", group.epoch);
            let place = Place::new(self.log.file_of(group.due_index), Some(group.due_index), expected, "none");
            findings.fail(CheckId::SettleSum, place);
        }
    }
}

/// The blocks that settle together.
struct Group {
    epoch: u64,
    matured: Vec<BlockHash>,
    reward: Sats,
    /// Leaf index of the entry that decided the last of them.
    due_index: u64,
}

impl Group {
    /// The next group from `next_epoch` on that is decided by the entries before `before` and has a matured block.
    fn due(log: &Log, next_epoch: u64, before: u64) -> Option<Self> {
        let fates = fates(log, before);
        let by_epoch = log.blocks.iter().filter(|(index, block)| *index < before && block.epoch >= next_epoch);
        let epochs: BTreeSet<u64> = by_epoch.map(|(_, block)| block.epoch).collect();
        let mut due_index = 0;
        for epoch in epochs {
            let position = usize::try_from(epoch - 1).ok()?;
            let (close_index, _) = log.epochs.get(position)?.close.as_ref().filter(|(index, _)| *index < before)?;
            let mut group =
                Self { epoch, matured: Vec::new(), reward: Sats::ZERO, due_index: due_index.max(*close_index) };
            for (_, block) in log.blocks.iter().filter(|(_, block)| block.epoch == epoch) {
                let (index, matured) = fates.get(&block.hash)?;
                group.due_index = group.due_index.max(*index);
                if *matured {
                    group.matured.push(block.hash);
                    group.reward = group.reward.checked_add(block.reward_sats)?;
                }
            }
            if !group.matured.is_empty() {
                group.matured.sort();
                return Some(group);
            }
            due_index = group.due_index;
        }
        None
    }
}

/// Leaf index of each block's fate, and whether it matured.
fn fates(log: &Log, before: u64) -> BTreeMap<BlockHash, (u64, bool)> {
    let entries = (0..before).zip(&log.entries);
    let fate = |(index, entry): (u64, &Entry)| match entry {
        Entry::BlockMatured(fate) => Some((fate.hash, (index, true))),
        Entry::BlockOrphaned(fate) => Some((fate.hash, (index, false))),
        _ => None,
    };
    entries.filter_map(fate).collect()
}

/// The fee of each contract, by the terms it was opened under.
fn fees(log: &Log) -> BTreeMap<Hash32, u32> {
    let fee = |entry: &Entry| match entry {
        Entry::ContractOpen(open) => {
            let terms = usize::try_from(open.terms).ok().and_then(|index| log.entries.get(index));
            match terms {
                Some(Entry::Terms(terms)) => Some((open.contract, terms.fee_ppm)),
                _ => None,
            }
        }
        _ => None,
    };
    log.entries.iter().filter_map(fee).collect()
}

fn joined(blocks: &[BlockHash]) -> alloc::string::String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
