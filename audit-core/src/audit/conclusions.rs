//! conclusion.sum: what contracts that ended are owed for unused time and missing work, recomputed from their epochs.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    CheckId, Evidence, Place,
    credited::{self, Credited},
    evidence::Source,
    log::{Log, LogEpoch},
    periods,
    report::Findings,
};
use crate::{
    allocation::Allocation,
    entry::{Conclusion, Refund, Shortfall},
    hash::Hash32,
    life::{Concluded, ConclusionFile, ConclusionRow, EpochSpan, Lived, LoggedContract, Owed, PeriodEnd},
    settlement::{Credit, SettleError},
    work::{Sats, Work},
};

/// The conclusions, kept epoch by epoch.
pub(super) struct Conclusions<'a> {
    log: &'a Log,
    /// The contracts that may be owed something when they end.
    followed: Vec<Followed<'a>>,
    /// Position of the next conclusion in the log's list.
    next: usize,
    judged: u64,
    /// Conclusions that are to come, or are left out.
    due: u64,
    /// Conclusions of which a part could not be recomputed.
    unknown: u64,
    credits: Sats,
}

/// A contract until it has ended.
struct Followed<'a> {
    contract: &'a LoggedContract,
    /// `None` where an allocation is missing.
    lived: Option<Lived>,
}

impl<'a> Conclusions<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        let gives = |contract: &&LoggedContract| {
            contract.terms.refund != Refund::None || contract.terms.shortfall != Shortfall::ProRata
        };
        let followed = log.contracts.iter().filter(gives);
        let followed = followed.map(|contract| Followed { contract, lived: Some(Lived::default()) }).collect();
        let (next, judged, due, unknown, credits) = (0, 0, 0, 0, Sats::ZERO);
        Self { log, followed, next, judged, due, unknown, credits }
    }

    /// The next sealed epoch.
    pub(super) fn add_epoch(&mut self, epoch: &LogEpoch, work: Option<(&Allocation, Work)>) {
        let end_ms = self.log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
        let span = EpochSpan { open_index: epoch.open_index, start_ms: epoch.open.start_ms, end_ms };
        let is_in_term = |followed: &&mut Followed<'_>| followed.contract.is_in_term(span.start_ms);
        let mut parts: Option<Vec<Work>> = None;
        for followed in self.followed.iter_mut().filter(is_in_term) {
            let part = work.and_then(|(allocation, work)| {
                let parts = parts.get_or_insert_with(|| allocation.divide(work));
                let id = &followed.contract.open.contract;
                let position = allocation.entries().binary_search_by_key(id, |entry| entry.id).ok();
                position.map_or(Some(Work::ZERO), |position| parts.get(position).copied())
            });
            followed.lived = followed.lived.zip(part).and_then(|(mut lived, part)| {
                lived.add_epoch(followed.contract, &span, part).ok()?;
                Some(lived)
            });
        }
    }

    /// The conclusion of a period that ended.
    pub(super) async fn period_ended<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        end: &PeriodEnd,
        findings: &mut Findings,
    ) -> Option<Credited> {
        let concluded = self.conclude(end);
        let log = self.log;
        let logged = log.conclusions.get(self.next).filter(|(_, entry)| entry.conclusion <= end.period);
        let what = format!("conclusion {}", end.period);
        let Some((index, entry)) = logged else {
            if matches!(concluded, Some(Ok(Some(_)))) {
                self.due += 1;
                let until = log.checkpoint.size;
                periods::in_time(log, CheckId::ConclusionSum, &what, end.close_index, until, findings);
            }
            return None;
        };
        self.next += 1;
        self.judged += 1;
        self.credits = self.credits.checked_add(entry.credits.total_sats).unwrap_or(self.credits);
        let path = ConclusionFile::path(entry.conclusion);
        let kind = (CheckId::ConclusionSum, "a conclusion file");
        let file = credited::published(source, path.clone(), kind, ConclusionFile::from_bytes, findings).await;
        let recomputed = match concluded {
            None => {
                self.unknown += 1;
                None
            }
            Some(concluded) => self.check(*index, entry, end.period, concluded, file.as_ref(), findings),
        };
        if *index < end.close_index {
            let expected = format!("{what} behind the close of its last epoch");
            self.fail(*index, expected, "before", findings);
        }
        periods::in_time(log, CheckId::ConclusionSum, &what, end.close_index, *index, findings);
        let published = file.and_then(|file| file.credits().ok());
        Some(Credited { index: *index, path, number: entry.conclusion, recomputed, published })
    }

    /// No conclusion is left that no period calls for.
    pub(super) fn finish(&self, findings: &mut Findings) {
        let check = CheckId::ConclusionSum;
        if let Some((index, entry)) = self.log.conclusions.get(self.next) {
            let expected = "no conclusion of a period that is not over, or was concluded before";
            self.fail(*index, expected.into(), &format!("conclusion {}", entry.conclusion), findings);
        }
        match (self.unknown, self.judged + self.due) {
            (0, 0) => findings.not_applicable(check, "no contract that has ended is owed anything by its terms"),
            (0, _) => findings.note(check, format!("{} conclusions, {} sats", self.judged, self.credits)),
            (unknown, _) => {
                let why = format!("{unknown} conclusions are of contracts with an epoch whose allocation is not known");
                findings.not_checked(check, &why);
            }
        }
    }

    /// What the contracts that ended with this period are owed; `None` where that is not known. They are forgotten then.
    fn conclude(&mut self, end: &PeriodEnd) -> Option<Result<Option<Concluded>, SettleError>> {
        let (ended, others) = core::mem::take(&mut self.followed).into_iter().partition(|followed: &Followed<'_>| {
            followed.contract.open_index < end.close_index && followed.contract.has_ended(end)
        });
        self.followed = others;
        let ended: Vec<Followed<'_>> = ended;
        let lived = ended.iter().map(|followed| Some((followed.contract, followed.lived?)));
        let lived: Vec<(&LoggedContract, Lived)> = lived.collect::<Option<_>>()?;
        let owed = lived.into_iter().map(|(contract, lived)| Ok((contract.open.contract, lived.owed(contract)?)));
        Some(owed.collect::<Result<Vec<(Hash32, Owed)>, SettleError>>().map(Concluded::of))
    }

    /// Compares entry and file with what they must be.
    fn check(
        &self,
        index: u64,
        entry: &Conclusion,
        number: u64,
        concluded: Result<Option<Concluded>, SettleError>,
        file: Option<&ConclusionFile>,
        findings: &mut Findings,
    ) -> Option<Vec<Credit>> {
        let expected = concluded.and_then(|concluded| {
            let Some(concluded) = concluded else { return Ok(None) };
            Ok(Some((concluded.entry(number, periods::every(self.log))?, concluded)))
        });
        let (expected, concluded) = match expected {
            Ok(Some(expected)) => expected,
            Ok(None) => {
                self.fail(index, "no conclusion: nothing is owed".into(), &told(entry), findings);
                return None;
            }
            Err(error) => {
                self.fail(index, "a conclusion that can be computed".into(), &error.to_string(), findings);
                return None;
            }
        };
        if expected != *entry {
            self.fail(index, told(&expected), &told(entry), findings);
        }
        let ours = ConclusionFile { conclusion: number, rows: concluded.rows };
        if let Some(theirs) = file.filter(|theirs| ours != **theirs) {
            let told = |row: &ConclusionRow| {
                let ConclusionRow { owed, id } = row;
                format!("{} and {} sats for {id}", owed.refund, owed.make_good)
            };
            let path = ConclusionFile::path(number);
            credited::rows_differ((CheckId::ConclusionSum, &path), &ours.rows, &theirs.rows, told, findings);
        }
        ours.credits().ok()
    }

    fn fail(&self, index: u64, expected: String, found: &str, findings: &mut Findings) {
        findings.fail(CheckId::ConclusionSum, Place::new(self.log.file_of(index), Some(index), expected, found));
    }
}

fn told(entry: &Conclusion) -> String {
    let Conclusion { conclusion, from_epoch, to_epoch, refund_sats, make_good_sats, credits } = entry;
    format!(
        "conclusion {conclusion} of epochs {from_epoch} to {to_epoch}: {refund_sats} sats for unused time, \
         {make_good_sats} for missing work, {} credits of {} with root {}",
        credits.count, credits.total_sats, credits.root
    )
}
