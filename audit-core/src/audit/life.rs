//! contract.life: contracts are suspended, resumed and ended where their terms say so, and nowhere else.
//!
//! What each contract's entries must be follows from its term and from the price of each period's last epoch. It is compared
//! with the log's entries in order, so that a change may stand behind the end of a further period, as long as it is in time.

use alloc::{collections::BTreeMap, format, string::ToString, vec::Vec};

use super::{CheckId, Place, log::Log, log::LogEpoch, periods, report::Findings};
use crate::{
    entry::{Refund, Suspension, Terms},
    life::{Change, ChangeKind, LoggedContract, PeriodEnd, Streaks},
    scheme::Price,
};

/// All contracts, followed from period to period.
pub(super) struct Lives<'a> {
    log: &'a Log,
    /// The rules that can suspend a contract, by the leaf index of their terms.
    rules: BTreeMap<u64, Rule>,
    /// In the order of the log's contracts.
    followed: Vec<Followed>,
    /// Changes that were called for, or that the operator may make.
    right: u64,
    /// Whether the price of a period was needed and is not known.
    is_unpriced: bool,
}

struct Rule {
    terms: Terms,
    /// `None` from the first period on whose price is not known.
    streaks: Option<Streaks>,
}

/// A contract as far as its entries were compared.
#[derive(Clone, Copy, Default)]
struct Followed {
    /// Changes that were compared.
    seen: usize,
    is_suspended: bool,
    has_ended: bool,
}

impl<'a> Lives<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        let has_rule = |contract: &&LoggedContract| contract.terms.suspension != Suspension::None;
        let rule = |contract: &LoggedContract| {
            (contract.open.terms, Rule { terms: contract.terms, streaks: Some(Streaks::default()) })
        };
        let rules = log.contracts.iter().filter(has_rule).map(rule).collect();
        let followed = alloc::vec![Followed::default(); log.contracts.len()];
        Self { log, rules, followed, right: 0, is_unpriced: false }
    }

    /// A period ended with this epoch, at its price.
    pub(super) fn period_ended(
        &mut self,
        end: &PeriodEnd,
        last: &LogEpoch,
        price: Option<Price>,
        findings: &mut Findings,
    ) {
        for (_, rule) in self.rules.iter_mut().filter(|(index, _)| **index < last.open_index) {
            rule.streaks = rule.streaks.and_then(|streaks| streaks.after(&rule.terms, &price?));
            self.is_unpriced |= rule.streaks.is_none();
        }
        let log = self.log;
        for (position, contract) in log.contracts.iter().enumerate() {
            let Some(followed) = self.followed.get(position).copied().filter(|followed| !followed.has_ended) else {
                continue;
            };
            let followed = self.changed_before(contract, followed, end.close_index, findings);
            let followed = self.changes_with(contract, followed, end, findings);
            if let Some(place) = self.followed.get_mut(position) {
                *place = followed;
            }
        }
    }

    /// Nothing is left that no period called for.
    pub(super) fn finish(mut self, findings: &mut Findings) {
        let log = self.log;
        if log.contracts.is_empty() {
            return findings.not_applicable(CheckId::ContractLife, "nothing was sold");
        }
        for (contract, followed) in log.contracts.iter().zip(self.followed.clone()) {
            self.changed_before(contract, followed, u64::MAX, findings);
        }
        if self.is_unpriced {
            return findings.not_checked(CheckId::ContractLife, "the price of a period is not known");
        }
        let detail = format!("{} contracts, {} changes", log.contracts.len(), self.right);
        findings.note(CheckId::ContractLife, detail);
    }

    /// Changes before a leaf index that no period called for: one close by the operator is none too many, where the terms
    /// give back what it takes.
    fn changed_before(
        &mut self,
        contract: &LoggedContract,
        mut followed: Followed,
        end: u64,
        findings: &mut Findings,
    ) -> Followed {
        while let Some(change) = contract.changes.get(followed.seen) {
            let is_judged = change.kind.is_end() || followed.has_ended || self.is_priced(contract);
            if is_judged && change.index >= end {
                break;
            }
            if change.kind == ChangeKind::Closed && !followed.has_ended {
                self.closed(contract, *change, findings);
            } else if is_judged {
                let expected = format!("no such change of contract {} by its terms", contract.open.contract);
                self.fail(*change, expected, findings);
            }
            followed.seen += 1;
            followed.has_ended |= change.kind.is_end();
        }
        followed
    }

    /// The change that the end of a period calls for stands behind it, in time.
    fn changes_with(
        &mut self,
        contract: &LoggedContract,
        mut followed: Followed,
        end: &PeriodEnd,
        findings: &mut Findings,
    ) -> Followed {
        let is_to_be = match self.rule_of(contract).map(|rule| rule.streaks) {
            None => false,
            Some(Some(streaks)) => streaks.is_suspended(),
            // As it is: then only the end of its term can be due.
            Some(None) => followed.is_suspended,
        };
        let due = contract.due(end, followed.is_suspended, is_to_be).filter(|_| !followed.has_ended);
        let Some(due) = due else { return followed };
        let next = contract.changes.get(followed.seen).copied();
        let until = next.map_or(self.log.checkpoint.size, |next| next.index);
        let what = format!("{} of contract {}", told(due), contract.open.contract);
        periods::in_time(self.log, CheckId::ContractLife, &what, end.close_index, until, findings);
        match next {
            Some(next) if next.kind == due => self.right += 1,
            // Whom the operator closes need not be suspended or resumed first.
            Some(next) if next.kind == ChangeKind::Closed && !contract.is_over(end) => {
                self.closed(contract, next, findings)
            }
            Some(next) => self.fail(next, what, findings),
            None => {}
        }
        followed.is_suspended = due == ChangeKind::Suspended;
        followed.has_ended = next.is_some_and(|next| next.kind.is_end()) || due.is_end();
        followed.seen += usize::from(next.is_some());
        followed
    }

    /// The operator closed a contract before its term was over.
    fn closed(&mut self, contract: &LoggedContract, change: Change, findings: &mut Findings) {
        match contract.terms.refund {
            Refund::UnusedTime => self.right += 1,
            Refund::None => {
                let expected = format!("no close of contract {}, whose terms refund nothing", contract.open.contract);
                self.fail(change, expected, findings);
            }
        }
    }

    /// Whether it is known what the contract's rule says.
    fn is_priced(&self, contract: &LoggedContract) -> bool {
        self.rule_of(contract).is_none_or(|rule| rule.streaks.is_some())
    }

    fn rule_of(&self, contract: &LoggedContract) -> Option<&Rule> {
        self.rules.get(&contract.open.terms)
    }

    fn fail(&self, change: Change, expected: alloc::string::String, findings: &mut Findings) {
        let place =
            Place::new(self.log.file_of(change.index), Some(change.index), expected, told(change.kind).to_string());
        findings.fail(CheckId::ContractLife, place);
    }
}

fn told(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Suspended => "contract_suspend",
        ChangeKind::Resumed => "contract_resume",
        ChangeKind::Fulfilled => "contract_close (fulfilled)",
        ChangeKind::Closed => "contract_close by the operator",
    }
}

#[cfg(test)]
mod tests;
