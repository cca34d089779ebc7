//! Epochs, blocks and settlements as the server states them. The evidence behind them is in static files.

use actix_web::get;
use actix_web::web::{Data, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::page::{Page, PageQuery};
use crate::db::blocks::{self, BlockRow};
use crate::db::epochs::{self, EpochRow};
use crate::db::settlements::{self, SettlementRow};
use crate::problem::{Problem, ProblemBody};

/// An epoch. Shares and work are null until it is closed.
#[derive(Serialize, ToSchema)]
pub struct EpochView {
    pub epoch: u64,
    pub start_ms: u64,
    /// Declared capacity of its allocation.
    pub capacity_hs: String,
    pub allocation_root: String,
    pub shares: Option<u64>,
    pub work: Option<String>,
}

/// A block that the pool found.
#[derive(Serialize, ToSchema)]
pub struct BlockView {
    pub hash: String,
    pub height: u64,
    pub epoch: u64,
    pub reward_sats: u64,
    /// `found`, `matured` or `orphaned`.
    pub status: &'static str,
}

/// A settled group of epochs.
#[derive(Serialize, ToSchema)]
pub struct SettlementView {
    pub settlement: u64,
    pub first_epoch: u64,
    pub last_epoch: u64,
    pub reward_sats: u64,
    /// What of it was drawn for solo contracts.
    pub solo_sats: u64,
    pub fee_sats: u64,
    pub maintenance_sats: u64,
    pub carry_in_sats: u64,
    pub carry_out_sats: u64,
    /// Its entry in the log.
    pub leaf_index: u64,
    pub settled_ms: u64,
}

/// Epochs, newest first.
#[utoipa::path(tag = "records", params(PageQuery), responses(
    (status = 200, body = Page<EpochView>),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/epochs")]
pub(crate) async fn list_epochs(state: Data<State>, page: Query<PageQuery>) -> Result<Json<Page<EpochView>>, Problem> {
    let limit = page.limit()?;
    let rows = epochs::page(state.database.pool(), page.number()?, u64::from(limit) + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.epoch.to_string(), EpochView::from)))
}

/// Found blocks, newest first.
#[utoipa::path(tag = "records", params(PageQuery), responses(
    (status = 200, body = Page<BlockView>),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/blocks")]
pub(crate) async fn list_blocks(state: Data<State>, page: Query<PageQuery>) -> Result<Json<Page<BlockView>>, Problem> {
    let limit = page.limit()?;
    let rows = blocks::page(state.database.pool(), page.number()?, u64::from(limit) + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.found_index.to_string(), BlockView::from)))
}

/// Settlements, newest first.
#[utoipa::path(tag = "records", params(PageQuery), responses(
    (status = 200, body = Page<SettlementView>),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/settlements")]
pub(crate) async fn list_settlements(
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<SettlementView>>, Problem> {
    let limit = page.limit()?;
    let rows = settlements::page(state.database.pool(), page.number()?, u64::from(limit) + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.settlement.to_string(), SettlementView::from)))
}

impl From<EpochRow> for EpochView {
    fn from(row: EpochRow) -> Self {
        Self {
            epoch: row.epoch,
            start_ms: row.start_ms,
            capacity_hs: row.capacity.to_string(),
            allocation_root: row.allocation_root.to_string(),
            shares: row.close.as_ref().map(|close| close.share_count),
            work: row.close.as_ref().map(|close| close.work.to_string()),
        }
    }
}

impl From<BlockRow> for BlockView {
    fn from(row: BlockRow) -> Self {
        Self {
            hash: row.hash.to_string(),
            height: row.height,
            epoch: row.epoch,
            reward_sats: row.reward.get(),
            status: row.status.as_str(),
        }
    }
}

impl From<SettlementRow> for SettlementView {
    fn from(row: SettlementRow) -> Self {
        Self {
            settlement: row.settlement,
            first_epoch: row.first_epoch,
            last_epoch: row.last_epoch,
            reward_sats: row.reward.get(),
            solo_sats: row.solo.get(),
            fee_sats: row.fee.get(),
            maintenance_sats: row.maintenance.get(),
            carry_in_sats: row.carry_in.get(),
            carry_out_sats: row.carry_out.get(),
            leaf_index: row.entry_index,
            settled_ms: row.settled_ms,
        }
    }
}
