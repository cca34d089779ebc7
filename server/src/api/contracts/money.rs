//! What a contract was credited and paid, as its owner sees it.

use actix_web::get;
use actix_web::web::{Data, Json, Path, Query};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::own;
use crate::api::State;
use crate::api::access::Customer;
use crate::api::page::{Page, PageQuery};
use crate::db::credits::{self, CreditSource, LoggedCredit};
use crate::db::payouts::{self, ContractPayout};
use crate::problem::{Problem, ProblemBody};

/// What a contract got from a settlement, an accrual or a conclusion, as the server states it.
#[derive(Serialize, ToSchema)]
pub struct CreditView {
    /// Number of the settlement that gave it, or `null`.
    pub settlement: Option<u64>,
    /// Number of the accrual that gave it, or `null`.
    pub accrual: Option<u64>,
    /// Number of the conclusion that gave it, or `null`: what is paid back at a contract's end.
    pub conclusion: Option<u64>,
    pub credit_sats: u64,
    /// That entry in the log.
    pub leaf_index: u64,
}

/// A contract's part of a payout.
#[derive(Serialize, ToSchema)]
pub struct ContractPayoutView {
    pub payout: u64,
    /// How far it has come.
    pub state: ContractPayoutState,
    pub created_ms: u64,
    pub sats: u64,
    /// The transaction that is in a block, or else the newest signed one, which another may still replace.
    pub txid: Option<String>,
    /// Where it is in the chain.
    pub block_height: Option<u32>,
    /// Its entry in the log.
    pub leaf_index: Option<u64>,
}

/// How far a payout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractPayoutState {
    /// The amount is fixed; it waits for its signature.
    Planned,
    /// It was handed to the network, or is about to be.
    Sent,
    /// It is in a block.
    Confirmed,
    /// It is deep in the chain and in the log.
    Logged,
}

/// What the contract was credited, newest first.
#[utoipa::path(tag = "contracts", security(("session" = [])), params(PageQuery), responses(
    (status = 200, body = Page<CreditView>),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts/{id}/credits")]
pub(crate) async fn list_contract_credits(
    customer: Customer,
    state: Data<State>,
    id: Path<Uuid>,
    page: Query<PageQuery>,
) -> Result<Json<Page<CreditView>>, Problem> {
    let contract = own(&customer, &state, *id).await?;
    let (limit, before) = (page.limit()?, page.number()?);
    let rows = match &contract.opened {
        None => Vec::new(),
        Some(opened) => {
            let (pool, published) = (state.database.pool(), state.engine.published());
            credits::page(pool, &opened.contract_id, published, before, u64::from(limit) + 1).await?
        }
    };
    Ok(Json(Page::of(rows, limit, |row| row.entry_index.to_string(), CreditView::from)))
}

/// What the contract was paid, newest first.
#[utoipa::path(tag = "contracts", security(("session" = [])), params(PageQuery), responses(
    (status = 200, body = Page<ContractPayoutView>),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts/{id}/payouts")]
pub(crate) async fn list_contract_payouts(
    customer: Customer,
    state: Data<State>,
    id: Path<Uuid>,
    page: Query<PageQuery>,
) -> Result<Json<Page<ContractPayoutView>>, Problem> {
    let contract = own(&customer, &state, *id).await?;
    let (limit, before) = (page.limit()?, page.number()?);
    let (pool, published) = (state.database.pool(), state.engine.published());
    let mut rows = Vec::new();
    if let Some(opened) = &contract.opened {
        for row in payouts::of_contract(pool, &opened.contract_id, before, u64::from(limit) + 1).await? {
            let signed = payouts::newest_signed(pool, row.payout.payout).await?.map(|txid| txid.to_string());
            rows.push(ContractPayoutView::of(&row, signed, published));
        }
    }
    Ok(Json(Page::of(rows, limit, |row| row.payout.to_string(), |row| row)))
}

impl From<LoggedCredit> for CreditView {
    fn from(LoggedCredit { entry_index, source, sats }: LoggedCredit) -> Self {
        let (settlement, accrual, conclusion) = match source {
            CreditSource::Settlement(number) => (Some(number), None, None),
            CreditSource::Accrual(number) => (None, Some(number), None),
            CreditSource::Conclusion(number) => (None, None, Some(number)),
        };
        Self { settlement, accrual, conclusion, credit_sats: sats.get(), leaf_index: entry_index }
    }
}

impl ContractPayoutView {
    /// Never ahead of a log of size `published`.
    fn of(row: &ContractPayout, signed: Option<String>, published: u64) -> Self {
        let mined = row.payout.mined.as_ref();
        let leaf_index = row.payout.entry_index.filter(|index| *index < published);
        Self {
            payout: row.payout.payout,
            state: match row.payout.state {
                payouts::State::Planned | payouts::State::Cancelled => ContractPayoutState::Planned,
                payouts::State::Signed | payouts::State::Broadcast => ContractPayoutState::Sent,
                payouts::State::Logged if leaf_index.is_some() => ContractPayoutState::Logged,
                payouts::State::Confirmed | payouts::State::Logged => ContractPayoutState::Confirmed,
            },
            created_ms: row.payout.created_ms,
            sats: row.sats.get(),
            txid: mined.map(|mined| mined.txid.to_string()).or(signed),
            block_height: mined.map(|mined| mined.height),
            leaf_index,
        }
    }
}
