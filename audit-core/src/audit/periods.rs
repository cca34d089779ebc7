//! Periods of epochs: what is due behind the close of a period's last epoch, and until when.

use alloc::format;

use super::{
    CheckId, Place,
    log::{Log, LogEpoch},
    report::Findings,
};
use crate::life::PeriodEnd;

/// Epochs that may open between the moment something is due and its entry.
pub(super) const DUE_EPOCHS: u64 = 2;

/// Epochs of a period.
pub(super) fn every(log: &Log) -> u64 {
    log.manifests.first().map_or(1, |(_, manifest)| manifest.accrual_epochs)
}

/// The period that ends with a sealed epoch, when one does.
pub(super) fn ended_with(log: &Log, epoch: &LogEpoch) -> Option<PeriodEnd> {
    let (number, every) = (epoch.open.epoch, every(log));
    let (close_index, _) = epoch.close.as_ref()?;
    let next = usize::try_from(number).ok().and_then(|next| log.epochs.get(next));
    let (next_open, end_ms) = (next.map(|next| next.open_index), log.end_ms(epoch)?);
    number.is_multiple_of(every).then(|| PeriodEnd {
        period: number / every,
        close_index: *close_index,
        next_open,
        end_ms,
    })
}

/// Fails `check` when more than [`DUE_EPOCHS`] epochs open between the close that made `what` due and leaf `until`, where it
/// stands or the log ends.
pub(super) fn in_time(log: &Log, check: CheckId, what: &str, close: u64, until: u64, findings: &mut Findings) {
    let opened = log.opened_between(close, until);
    if opened > DUE_EPOCHS {
        let expected = format!("{what}, due at entry {close}, before {} more epochs open", DUE_EPOCHS + 1);
        findings.fail(check, Place::new(log.file_of(close), Some(close), expected, format!("{opened} opened")));
    }
}
