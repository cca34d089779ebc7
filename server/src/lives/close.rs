//! The operator closes a contract before its term is over, where its terms pay back what is left.

use audit_core::entry::Refund;
use audit_core::life::{ChangeKind, FULFILLED};
use thiserror::Error;

use super::log_change;
use crate::db::contracts::Contract;
use crate::db::{DbError, Tx, epochs, lives};
use crate::settlement::terms_at;
use crate::tlog::SequencerGuard;

/// Why a contract was not closed; nothing was changed.
#[derive(Debug, Error)]
pub(crate) enum CloseRefused {
    /// It is not opened yet, or its life is over.
    #[error("the contract is not running")]
    NotRunning,
    /// Its terms pay nothing back, so they do not allow it.
    #[error("the contract's terms refund nothing, so it can't be closed before its term ends")]
    NoRefund,
    /// The reason that the end of a term has.
    #[error("this reason is that of a term that is over")]
    Reason,
    /// Database or log.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl From<DbError> for CloseRefused {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Closes a contract inside the caller's transaction, which holds the contract's lock; the caller commits, then integrates with
/// the guard. It stays in the epochs that are open; what it is owed is credited when the period ends.
pub(crate) async fn close(
    guard: &SequencerGuard,
    tx: &mut Tx,
    contract: &Contract,
    reason: &str,
    now_ms: u64,
) -> Result<(), CloseRefused> {
    if reason == FULFILLED {
        return Err(CloseRefused::Reason);
    }
    let opened = contract.opened.as_ref().ok_or(CloseRefused::NotRunning)?;
    // The clock may jump back; epochs do not.
    let started_ms = epochs::last(tx).await?.map_or(0, |epoch| epoch.start_ms);
    let changes = lives::changes_of(tx, &opened.contract_id, u64::MAX).await?;
    if opened.until_ms <= now_ms.max(started_ms) || changes.iter().any(|row| row.change.kind.is_end()) {
        return Err(CloseRefused::NotRunning);
    }
    if terms_at(tx, contract.terms_index).await?.refund == Refund::None {
        return Err(CloseRefused::NoRefund);
    }
    Ok(log_change(guard, tx, opened.contract_id, ChangeKind::Closed, reason, now_ms).await?)
}
