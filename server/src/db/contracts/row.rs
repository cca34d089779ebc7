//! A row of `contracts` as a [`Contract`].

use sqlx::any::AnyRow;

use super::{Contract, Opened, Status};
use crate::db::DbError;
use crate::db::columns::Columns;

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Active => "active",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::Reserved, Self::Active, Self::Fulfilled, Self::Cancelled].into_iter().find(|it| it.as_str() == text)
    }
}

pub(super) fn contract(row: &AnyRow) -> Result<Contract, DbError> {
    let status = row.text("status")?;
    Ok(Contract {
        id: row.uuid("id")?,
        account_id: row.uuid("account_id")?,
        offer_id: row.uuid("offer_id")?,
        status: Status::of(&status).ok_or(DbError::Unreadable { column: "status".into(), found: status })?,
        units: row.units("units_hs")?,
        price: row.sats("price_sats")?,
        term_ms: row.unsigned("term_ms")?,
        terms_index: row.unsigned("terms_index")?,
        payout_address: row.text("payout_address")?,
        payout_script: row.bytes("payout_script")?,
        nonce: row.hash("nonce")?,
        payment_reference: row.text("payment_reference")?,
        created_ms: row.unsigned("created_ms")?,
        reserved_until_ms: row.unsigned("reserved_until_ms")?,
        opened: opened(row)?,
    })
}

fn opened(row: &AnyRow) -> Result<Option<Opened>, DbError> {
    let Some(contract_id) = row.optional_hash("contract_id")? else { return Ok(None) };
    Ok(Some(Opened {
        contract_id,
        details: row.text("details")?,
        from_ms: row.unsigned("from_ms")?,
        until_ms: row.unsigned("until_ms")?,
        leaf_index: row.unsigned("leaf_index")?,
        received: row.sats("received_sats")?,
        payment_note: row.optional_text("payment_note")?,
    }))
}
