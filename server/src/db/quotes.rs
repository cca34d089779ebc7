//! Quotes: what a purchase costs for a while.

use audit_core::hash::Hash32;
use audit_core::work::{Sats, Units};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// A quote. Only `contract_id` ever changes, once.
#[derive(Clone, Debug)]
pub struct Quote {
    pub id: Uuid,
    pub account_id: Uuid,
    pub offer_id: Uuid,
    pub units: Units,
    pub term_ms: u64,
    pub rate: Rate,
    /// To be paid now.
    pub price: Sats,
    /// Maintenance over the whole term, taken from credits.
    pub maintenance: Sats,
    /// The operator's part of each reward.
    pub fee_ppm: u32,
    /// Log entry with the terms.
    pub terms_index: u64,
    /// SHA-256 of that entry.
    pub terms_sha256: Hash32,
    pub created_ms: u64,
    pub expires_ms: u64,
    /// The purchase that used it.
    pub contract_id: Option<Uuid>,
}

/// What a price is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// Price of 1 TH/s for a day.
    Fixed { sats_per_ths_day: u64 },
    /// Millionths of the hashprice that a log entry says.
    Hashprice { ppm: u32, sats_per_phs_day: u128, index: u64 },
}

/// Stores a new quote, and forgets the account's that have run out unused: an account holds no more than it asks for
/// within the time that a quote is valid.
pub async fn create(tx: &mut Tx, quote: &Quote) -> Result<(), DbError> {
    sqlx::query("DELETE FROM quotes WHERE account_id = $1 AND expires_ms <= $2 AND contract_id IS NULL")
        .bind(quote.account_id.to_string())
        .bind(signed(quote.created_ms))
        .execute(&mut **tx)
        .await?;
    let (fixed, followed) = match quote.rate {
        Rate::Fixed { sats_per_ths_day } => (Some(sats_per_ths_day), None),
        Rate::Hashprice { ppm, sats_per_phs_day, index } => (None, Some((ppm, index, sats_per_phs_day))),
    };
    sqlx::query(
        "INSERT INTO quotes (id, account_id, offer_id, units_hs, term_ms, price_sats_per_ths_day, price_sats,
         maintenance_sats, fee_ppm, terms_index, terms_sha256, created_ms, expires_ms, hashprice_ppm, hashprice_index,
         hashprice_sats_per_phs_day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(quote.id.to_string())
    .bind(quote.account_id.to_string())
    .bind(quote.offer_id.to_string())
    .bind(quote.units.to_string())
    .bind(signed(quote.term_ms))
    .bind(fixed.map(signed))
    .bind(signed(quote.price.get()))
    .bind(signed(quote.maintenance.get()))
    .bind(i64::from(quote.fee_ppm))
    .bind(signed(quote.terms_index))
    .bind(quote.terms_sha256.0.to_vec())
    .bind(signed(quote.created_ms))
    .bind(signed(quote.expires_ms))
    .bind(followed.map(|(ppm, ..)| i64::from(ppm)))
    .bind(followed.map(|(_, index, _)| signed(index)))
    .bind(followed.map(|(.., sats)| sats.to_string()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many quotes of an account are valid and unused.
pub async fn count_valid(tx: &mut Tx, account_id: Uuid, now_ms: u64) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS count FROM quotes WHERE account_id = $1 AND expires_ms > $2 AND contract_id IS NULL",
    )
    .bind(account_id.to_string())
    .bind(signed(now_ms))
    .fetch_one(&mut **tx)
    .await?;
    row.unsigned("count")
}

/// Reads a quote and holds it until the transaction ends: it is used once.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Quote>, DbError> {
    let row = sqlx::query("UPDATE quotes SET id = id WHERE id = $1 RETURNING *")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(quote).transpose()
}

/// Notes which purchase used a quote that is held.
pub async fn used(tx: &mut Tx, id: Uuid, contract_id: Uuid) -> Result<(), DbError> {
    sqlx::query("UPDATE quotes SET contract_id = $2 WHERE id = $1 AND contract_id IS NULL")
        .bind(id.to_string())
        .bind(contract_id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn rate(row: &AnyRow) -> Result<Rate, DbError> {
    if let Some(sats_per_ths_day) = row.optional_unsigned("price_sats_per_ths_day")? {
        return Ok(Rate::Fixed { sats_per_ths_day });
    }
    let sats = row.text("hashprice_sats_per_phs_day")?;
    Ok(Rate::Hashprice {
        ppm: row.small("hashprice_ppm")?,
        index: row.unsigned("hashprice_index")?,
        sats_per_phs_day: sats
            .parse()
            .map_err(|_| DbError::Unreadable { column: "hashprice_sats_per_phs_day".into(), found: sats })?,
    })
}

fn quote(row: &AnyRow) -> Result<Quote, DbError> {
    let fee_ppm = row.unsigned("fee_ppm")?;
    let contract_id = row.optional_text("contract_id")?.map(|_| row.uuid("contract_id")).transpose()?;
    Ok(Quote {
        id: row.uuid("id")?,
        account_id: row.uuid("account_id")?,
        offer_id: row.uuid("offer_id")?,
        units: row.units("units_hs")?,
        term_ms: row.unsigned("term_ms")?,
        rate: rate(row)?,
        price: row.sats("price_sats")?,
        maintenance: row.sats("maintenance_sats")?,
        fee_ppm: u32::try_from(fee_ppm)
            .map_err(|_| DbError::Unreadable { column: "fee_ppm".into(), found: fee_ppm.to_string() })?,
        terms_index: row.unsigned("terms_index")?,
        terms_sha256: row.hash("terms_sha256")?,
        created_ms: row.unsigned("created_ms")?,
        expires_ms: row.unsigned("expires_ms")?,
        contract_id,
    })
}
