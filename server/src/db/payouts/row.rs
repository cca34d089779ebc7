//! Rows of the payouts' tables as values.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::payout::PayoutRow;
use audit_core::transaction::OutPoint;
use sqlx::any::AnyRow;

use super::{Input, Mined, Payout, State};
use crate::db::DbError;
use crate::db::columns::Columns;

impl State {
    const ALL: [Self; 6] =
        [Self::Planned, Self::Signed, Self::Broadcast, Self::Confirmed, Self::Logged, Self::Cancelled];

    /// The word in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Signed => "signed",
            Self::Broadcast => "broadcast",
            Self::Confirmed => "confirmed",
            Self::Logged => "logged",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

pub(super) fn payout(row: &AnyRow) -> Result<Payout, DbError> {
    let state = row.text("state")?;
    Ok(Payout {
        payout: row.unsigned("payout")?,
        state: State::of(&state).ok_or(DbError::Unreadable { column: "state".into(), found: state })?,
        created_ms: row.unsigned("created_ms")?,
        planned_height: row.small("planned_height")?,
        settlements: (row.unsigned("from_settlement")?, row.unsigned("to_settlement")?),
        total: row.sats("total_sats")?,
        needs_approval: row.number("needs_approval")? == 1,
        approved_ms: row.optional_unsigned("approved_ms")?,
        handed_out_ms: row.optional_unsigned("handed_out_ms")?,
        mined: mined(row)?,
        entry_index: row.optional_unsigned("entry_index")?,
    })
}

fn mined(row: &AnyRow) -> Result<Option<Mined>, DbError> {
    let Some(block) = row.optional_hash("block_hash")? else { return Ok(None) };
    let branch = row.bytes("branch")?;
    let (hashes, []) = branch.as_chunks::<32>() else {
        return Err(DbError::Unreadable { column: "branch".into(), found: format!("{} bytes", branch.len()) });
    };
    Ok(Some(Mined {
        txid: BlockHash(row.hash("txid")?.0),
        block: BlockHash(block.0),
        height: row.small("block_height")?,
        index: row.small("block_index")?,
        branch: hashes.iter().map(|hash| Hash32(*hash)).collect(),
    }))
}

pub(super) fn payout_row(row: &AnyRow) -> Result<PayoutRow, DbError> {
    Ok(PayoutRow { sats: row.sats("sats")?, id: row.hash("contract_id")?, vout: row.small("vout")? })
}

pub(super) fn input(row: &AnyRow) -> Result<Input, DbError> {
    let point = OutPoint { txid: BlockHash(row.hash("txid")?.0), vout: row.small("vout")? };
    Ok(Input { point, sats: row.sats("sats")? })
}
