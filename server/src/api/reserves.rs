//! What is owed and what backs it, as the newest published list states it.

use actix_web::get;
use actix_web::web::{Data, Json};
use audit_core::liabilities::{Coin, LiabilitiesFile};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::db::liabilities::{self, LiabilitiesRow};
use crate::problem::Problem;

/// Coins in one answer; the evidence file has all.
const COINS: u64 = 200;

/// The newest list of liabilities, and coins that back it.
#[derive(Serialize, ToSchema)]
pub struct ReservesView {
    /// Null until a list is published, which is after the first settlement.
    pub newest: Option<LiabilitiesView>,
    /// The list's coins of the highest blocks, at most 200.
    pub coins: Vec<CoinView>,
}

/// A list of liabilities.
#[derive(Serialize, ToSchema)]
pub struct LiabilitiesView {
    /// Its number, from 1.
    pub liabilities: u64,
    /// When it was made.
    pub at_ms: u64,
    /// The last settlement that it includes; 0 without one.
    pub settlement: u64,
    /// Its entry in the log.
    pub leaf_index: u64,
    /// Contracts that are owed something.
    pub balance_count: u64,
    /// What they are owed together.
    pub balance_sats: u64,
    /// Coins that back it.
    pub coin_count: u64,
    /// What they are worth together.
    pub coin_sats: u64,
    /// Where the whole list is.
    #[schema(example = "/liabilities/7.json")]
    pub file: String,
}

/// An unspent output of a block that the pool found.
#[derive(Serialize, ToSchema)]
pub struct CoinView {
    pub txid: String,
    /// Number of the output.
    pub vout: u32,
    /// Of the block.
    pub height: u32,
    pub coin_sats: u64,
}

/// What is owed to all contracts, and the coins that back it.
#[utoipa::path(tag = "records", responses((status = 200, body = ReservesView)))]
#[get("/reserves")]
pub(crate) async fn read_reserves(state: Data<State>) -> Result<Json<ReservesView>, Problem> {
    let pool = state.database.pool();
    let newest = liabilities::last(pool, state.engine.published()).await?;
    let coins = match &newest {
        None => Vec::new(),
        Some(newest) => liabilities::matured_coins(pool, newest.entry_index, COINS).await?,
    };
    Ok(Json(ReservesView { newest: newest.map(Into::into), coins: coins.into_iter().map(Into::into).collect() }))
}

impl From<LiabilitiesRow> for LiabilitiesView {
    fn from(row: LiabilitiesRow) -> Self {
        Self {
            liabilities: row.liabilities,
            at_ms: row.at_ms,
            settlement: row.settlement,
            leaf_index: row.entry_index,
            balance_count: row.balance_count,
            balance_sats: row.balances.get(),
            coin_count: row.coin_count,
            coin_sats: row.coins.get(),
            file: format!("/{}", LiabilitiesFile::path(row.liabilities)),
        }
    }
}

impl From<Coin> for CoinView {
    fn from(coin: Coin) -> Self {
        Self {
            txid: coin.point.txid.to_string(),
            vout: coin.point.vout,
            height: coin.height,
            coin_sats: coin.sats.get(),
        }
    }
}
