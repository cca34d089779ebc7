//! Offers and how much of each is taken.

use audit_core::work::Units;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::contracts::Cursor;
use super::{DbError, Tx};

/// What is for sale. Never changes once stored.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: Uuid,
    pub name: String,
    pub pricing: Pricing,
    pub min_units: Units,
    pub max_units: Units,
    pub step_units: Units,
    pub term_ms: u64,
    /// Units that may be reserved or active at the same time.
    pub capacity: Units,
    /// Log entry with the terms.
    pub terms_index: u64,
    pub created_ms: u64,
}

/// What the price of 1 TH/s for a day is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pricing {
    /// The same at all times.
    Fixed { sats_per_ths_day: u64 },
    /// So many millionths of what it can be expected to earn, by the hashprice that was logged last.
    Hashprice { ppm: u32 },
}

/// Stores a new offer. `false` and no change when the name is taken.
pub async fn create(tx: &mut Tx, offer: &Offer) -> Result<bool, DbError> {
    let (fixed, ppm) = match offer.pricing {
        Pricing::Fixed { sats_per_ths_day } => (Some(sats_per_ths_day), None),
        Pricing::Hashprice { ppm } => (None, Some(ppm)),
    };
    let done = sqlx::query(
        "INSERT INTO offers (id, name, price_sats_per_ths_day, min_units_hs, max_units_hs, step_units_hs, term_ms,
         capacity_hs, terms_index, created_ms, hashprice_ppm) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(offer.id.to_string())
    .bind(&offer.name)
    .bind(fixed.map(signed))
    .bind(offer.min_units.to_string())
    .bind(offer.max_units.to_string())
    .bind(offer.step_units.to_string())
    .bind(signed(offer.term_ms))
    .bind(offer.capacity.to_string())
    .bind(signed(offer.terms_index))
    .bind(signed(offer.created_ms))
    .bind(ppm.map(i64::from))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn by_id(pool: &AnyPool, id: Uuid) -> Result<Option<Offer>, DbError> {
    let row = sqlx::query("SELECT * FROM offers WHERE id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.as_ref().map(offer).transpose()
}

/// Reads an offer and holds it until the transaction ends: buyers of one offer pass here one after the other.
///
/// The update changes nothing. It is the lock that both databases know.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Offer>, DbError> {
    let row = sqlx::query("UPDATE offers SET name = name WHERE id = $1 RETURNING *")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(offer).transpose()
}

/// Whether the price of any offer follows the hashprice.
pub async fn any_by_hashprice(connection: &mut AnyConnection) -> Result<bool, DbError> {
    let sql = "SELECT id FROM offers WHERE hashprice_ppm IS NOT NULL LIMIT 1";
    Ok(sqlx::query(sql).fetch_optional(connection).await?.is_some())
}

/// Holds what all offers share, the declared capacity, until the transaction ends. Taken before any offer's own lock.
pub async fn lock_sales(tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("UPDATE sales_lock SET id = id").execute(&mut **tx).await?;
    Ok(())
}

/// Newest first, those after `cursor`.
pub async fn list(pool: &AnyPool, cursor: &Cursor, limit: u32) -> Result<Vec<Offer>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM offers WHERE created_ms < $1 OR (created_ms = $1 AND id < $2)
         ORDER BY created_ms DESC, id DESC LIMIT $3",
    )
    .bind(cursor.before_ms())
    .bind(cursor.before_id())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(offer).collect()
}

/// The units of each contract that takes from the offer's capacity at `now_ms`: reserved ones, and those in their term.
const TAKEN: &str = "SELECT units_hs FROM contracts WHERE offer_id = $1
     AND ((status = 'reserved' AND reserved_until_ms > $2) OR (status = 'active' AND until_ms > $2))";

/// The same of all offers together.
const TAKEN_OF_ALL: &str = "SELECT units_hs FROM contracts
     WHERE (status = 'reserved' AND reserved_until_ms > $1) OR (status = 'active' AND until_ms > $1)";

/// Units taken of an offer. Decided on only inside a transaction that holds the offer's lock.
pub async fn taken(connection: &mut AnyConnection, offer_id: Uuid, now_ms: u64) -> Result<u128, DbError> {
    let query = sqlx::query(TAKEN).bind(offer_id.to_string()).bind(signed(now_ms));
    sum(&query.fetch_all(connection).await?)
}

/// Units taken of the declared capacity. Decided on only inside a transaction that holds [`lock_sales`].
pub async fn taken_of_all(connection: &mut AnyConnection, now_ms: u64) -> Result<u128, DbError> {
    sum(&sqlx::query(TAKEN_OF_ALL).bind(signed(now_ms)).fetch_all(connection).await?)
}

/// Summed here because hashrates exceed the 64 bits of SQLite's integers.
fn sum(rows: &[AnyRow]) -> Result<u128, DbError> {
    rows.iter().try_fold(0u128, |total, row| Ok(total.saturating_add(row.units("units_hs")?.get())))
}

fn pricing(row: &AnyRow) -> Result<Pricing, DbError> {
    match row.optional_unsigned("price_sats_per_ths_day")? {
        Some(sats_per_ths_day) => Ok(Pricing::Fixed { sats_per_ths_day }),
        None => Ok(Pricing::Hashprice { ppm: row.small("hashprice_ppm")? }),
    }
}

fn offer(row: &AnyRow) -> Result<Offer, DbError> {
    Ok(Offer {
        id: row.uuid("id")?,
        name: row.text("name")?,
        pricing: pricing(row)?,
        min_units: row.units("min_units_hs")?,
        max_units: row.units("max_units_hs")?,
        step_units: row.units("step_units_hs")?,
        term_ms: row.unsigned("term_ms")?,
        capacity: row.units("capacity_hs")?,
        terms_index: row.unsigned("terms_index")?,
        created_ms: row.unsigned("created_ms")?,
    })
}
