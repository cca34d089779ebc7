//! accrual.sum: what contracts that are paid by time are credited, recomputed at each epoch's own price.

use alloc::{format, string::ToString, vec::Vec};

use super::{
    CheckId, Evidence, Place,
    credited::{self, Credited},
    evidence::Source,
    log::{Log, LogEpoch},
    periods,
    report::Findings,
};
use crate::{
    accrual::{AccrualFile, Accrued, accrue},
    allocation::Allocation,
    entry::Accrual,
    scheme::{Price, TermsOf, Worth, parts_by_time},
    settlement::{Credit, SettleError},
    work::{Sats, Work},
};

/// The accruals, kept epoch by epoch.
pub(super) struct Accruals<'a> {
    log: &'a Log,
    terms: TermsOf,
    /// Epochs of an accrual.
    every: u64,
    /// What the period's work is worth so far; `None` where an allocation or a price is missing.
    worth: Option<Worth>,
    /// Position of the next accrual in the log's list.
    next: usize,
    judged: u64,
    /// Accruals that are to come, or are left out.
    due: u64,
    /// Accruals of which a part could not be recomputed.
    unpriced: u64,
    credits: Sats,
}

impl<'a> Accruals<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self {
            log,
            terms: log.contracts.iter().map(|contract| (contract.open.contract, contract.terms)).collect(),
            every: periods::every(log),
            worth: Some(Worth::default()),
            next: 0,
            judged: 0,
            due: 0,
            unpriced: 0,
            credits: Sats::ZERO,
        }
    }

    /// The next sealed epoch; the accrual of its period if it is the last of it.
    pub(super) async fn add_epoch<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        work: Option<(&Allocation, Work)>,
        price: Option<Price>,
        findings: &mut Findings,
    ) -> Option<Credited> {
        self.worth = self.worth.take().and_then(|worth| self.with_epoch(worth, work?, price).ok()?);
        let number = epoch.open.epoch;
        if !number.is_multiple_of(self.every) {
            return None;
        }
        let worth = self.worth.replace(Worth::default());
        let close = epoch.close.as_ref().map_or(u64::MAX, |(index, _)| *index);
        self.judge(source, number / self.every, close, worth, findings).await
    }

    /// No accrual is left that no period calls for.
    pub(super) fn finish(&self, findings: &mut Findings) {
        if let Some((index, entry)) = self.log.accruals.get(self.next) {
            let expected = "no accrual of a period that is not over, or was accrued before";
            let place =
                Place::new(self.log.file_of(*index), Some(*index), expected, format!("accrual {}", entry.accrual));
            findings.fail(CheckId::AccrualSum, place);
        }
        match (self.unpriced, self.judged + self.due) {
            (0, 0) => findings.not_applicable(CheckId::AccrualSum, "nothing is paid by time"),
            (0, _) => findings.note(CheckId::AccrualSum, format!("{} accruals, {} sats", self.judged, self.credits)),
            (unpriced, _) => {
                let why = format!("{unpriced} accruals have an epoch whose allocation or price is not known");
                findings.not_checked(CheckId::AccrualSum, &why);
            }
        }
    }

    /// `None` where the price is missing and something is to be priced.
    fn with_epoch(
        &self,
        mut worth: Worth,
        (allocation, work): (&Allocation, Work),
        price: Option<Price>,
    ) -> Result<Option<Worth>, SettleError> {
        if parts_by_time(allocation, work, &self.terms).is_empty() {
            return Ok(Some(worth));
        }
        let Some(price) = price else { return Ok(None) };
        worth.add_epoch(allocation, work, &price, &self.terms)?;
        Ok(Some(worth))
    }

    /// The accrual of a period that ended with the close at a leaf.
    async fn judge<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        number: u64,
        close: u64,
        worth: Option<Worth>,
        findings: &mut Findings,
    ) -> Option<Credited> {
        let (log, what) = (self.log, format!("accrual {number}"));
        let logged = log.accruals.get(self.next).filter(|(_, entry)| entry.accrual <= number);
        let accrued = worth.as_ref().map(|worth| (!worth.is_empty()).then(|| accrue(worth, &self.terms)));
        let Some((index, entry)) = logged else {
            if matches!(accrued, Some(Some(_))) {
                self.due += 1;
                periods::in_time(log, CheckId::AccrualSum, &what, close, log.checkpoint.size, findings);
            }
            return None;
        };
        self.next += 1;
        self.judged += 1;
        self.credits = self.credits.checked_add(entry.credits.total_sats).unwrap_or(self.credits);
        let path = AccrualFile::path(entry.accrual);
        let kind = (CheckId::AccrualSum, "an accrual file");
        let file = credited::published(source, path.clone(), kind, AccrualFile::from_bytes, findings).await;
        let recomputed = match accrued {
            None => {
                self.unpriced += 1;
                None
            }
            Some(accrued) => self.check(*index, entry, number, accrued, file.as_ref(), findings),
        };
        if *index < close {
            let expected =
                format!("an accrual of epochs {} to {} behind their close", entry.from_epoch, entry.to_epoch);
            findings.fail(CheckId::AccrualSum, Place::new(log.file_of(*index), Some(*index), expected, "before"));
        }
        periods::in_time(log, CheckId::AccrualSum, &what, close, *index, findings);
        let published = file.map(|file| file.credits);
        Some(Credited { index: *index, path, number: entry.accrual, recomputed, published })
    }

    /// Compares entry and file with what they must be.
    fn check(
        &self,
        index: u64,
        entry: &Accrual,
        number: u64,
        accrued: Option<Result<Accrued, SettleError>>,
        file: Option<&AccrualFile>,
        findings: &mut Findings,
    ) -> Option<Vec<Credit>> {
        let mut fail = |file: &str, at: Option<u64>, expected: &dyn ToString, found: &dyn ToString| {
            findings.fail(CheckId::AccrualSum, Place::new(file, at, expected.to_string(), found.to_string()));
        };
        let log_file = self.log.file_of(index);
        let Some(accrued) = accrued else {
            fail(
                &log_file,
                Some(index),
                &"no accrual: nothing was paid by time",
                &format!("accrual {}", entry.accrual),
            );
            return None;
        };
        let expected = accrued.and_then(|accrued| Ok((accrued.entry(number, self.every)?, accrued)));
        let (expected, accrued) = match expected {
            Ok(expected) => expected,
            Err(error) => {
                fail(&log_file, Some(index), &"an accrual that can be computed", &error);
                return None;
            }
        };
        if expected != *entry {
            fail(&log_file, Some(index), &told(&expected), &told(entry));
        }
        if let Some(file) = file.filter(|file| (file.accrual, &file.credits) != (number, &accrued.credits)) {
            let (check, path) = (CheckId::AccrualSum, AccrualFile::path(number));
            credited::rows_differ((check, &path), &accrued.credits, &file.credits, credited::told, findings);
        }
        Some(accrued.credits)
    }
}

fn told(entry: &Accrual) -> alloc::string::String {
    let Accrual { accrual, from_epoch, to_epoch, gross_sats, fee_sats, maintenance_sats, credits } = entry;
    format!(
        "accrual {accrual} of epochs {from_epoch} to {to_epoch}: {gross_sats} sats, fee {fee_sats}, maintenance \
         {maintenance_sats}, {} credits of {} with root {}",
        credits.count, credits.total_sats, credits.root
    )
}
