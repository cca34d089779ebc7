//! A contract as customers and the operator see it.

use audit_core::hash::Hash32;
use audit_core::life::{ChangeKind, Owed};
use audit_core::work::{Sats, Work};
use serde::Serialize;
use sqlx::AnyPool;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cursor;
use crate::api::page::Page;
use crate::clock::now_ms;
use crate::db::contracts::{Contract, Opened, Status};
use crate::db::lives::ChangeRow;
use crate::db::{DbError, accruals, epochs, lives, payouts, settlements, work_sums};

/// A contract. Before confirmation the fields of the log are null.
#[derive(Serialize, ToSchema)]
pub struct ContractView {
    pub id: Uuid,
    pub offer_id: Uuid,
    pub status: ContractStatusView,
    pub units_hs: String,
    pub term_ms: u64,
    pub price_sats: u64,
    /// To be named in the payment.
    #[schema(example = "PH-7QK2ZD4XWM")]
    pub payment_reference: String,
    pub payout_address: String,
    pub terms_index: u64,
    pub created_ms: u64,
    /// Until when the units are kept without a payment.
    pub reserved_until_ms: u64,
    pub from_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// The contract's id in the log.
    pub contract_id: Option<String>,
    /// The contract's entry in the log.
    pub leaf_index: Option<u64>,
    /// How its life goes on; null before confirmation.
    pub life: Option<LifeView>,
    /// What the buyer keeps and verifies with.
    pub receipt: Option<ReceiptView>,
    /// The server's claim; the verifier recomputes it.
    pub credited_sats: u64,
    /// The server's claim: credits that are not paid out yet; the verifier recomputes it.
    pub unpaid_sats: u64,
    /// The server's claim: hashes in closed epochs; the verifier recomputes it.
    pub work: String,
    /// The server's claim: units × the seconds of the closed epochs; the verifier recomputes it.
    pub promised_work: String,
}

/// Where a contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractStatusView {
    /// Waiting for the payment.
    Reserved,
    Active,
    /// The term has ended, or the operator closed it (`life` says which).
    Fulfilled,
    /// Not paid in time, or cancelled by the operator.
    Cancelled,
}

/// What became of a contract after it was opened, as far as the published log shows.
#[derive(Serialize, ToSchema)]
pub struct LifeView {
    pub state: LifeState,
    pub since_ms: u64,
    /// Why, as in the log; null unless an entry says so.
    pub reason: Option<String>,
    /// What its end gave back; null until the log concludes it.
    pub paid_back: Option<PaidBackView>,
}

/// What of a contract's price is given back at its end, as its terms say; part of what it is credited.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct PaidBackView {
    /// For time in which it did not run.
    pub unused_time_sats: u64,
    /// For work that was missing while it ran.
    pub missing_work_sats: u64,
}

/// A state of a contract's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeState {
    /// Its first epoch is yet to open.
    Paid,
    Active,
    /// Left out of epochs until the rule in its terms resumes it.
    Suspended,
    /// The term is over.
    Fulfilled,
    /// The operator closed it before.
    Closed,
}

/// The receipt: contract id = SHA-256("provenhash/contract/v1\n" ‖ uuid ‖ nonce ‖ SHA-256(details)).
#[derive(Serialize, ToSchema)]
pub struct ReceiptView {
    pub uuid: Uuid,
    pub nonce: String,
    /// The exact text that the contract id commits to.
    pub details: String,
}

/// What the server states about a contract's yield.
#[derive(Default)]
struct Claims {
    credited: Option<Sats>,
    paid: Option<Sats>,
    work: Option<Work>,
    /// Length of the closed epochs.
    milliseconds: u64,
    life: Option<LifeView>,
}

impl Claims {
    fn unpaid(&self) -> u64 {
        self.credited.map_or(0, Sats::get).saturating_sub(self.paid.map_or(0, Sats::get))
    }
}

/// The view of a contract with its yield so far: never more than a log of size `published` shows.
pub async fn with_claims(pool: &AnyPool, published: u64, contract: &Contract) -> Result<ContractView, DbError> {
    let claims = match &contract.opened {
        None => Claims::default(),
        Some(opened) => of_opened(pool, published, opened).await?,
    };
    Ok(ContractView::with(contract, now_ms(), claims))
}

async fn of_opened(pool: &AnyPool, published: u64, opened: &Opened) -> Result<Claims, DbError> {
    let contract = &opened.contract_id;
    let owed_at_end = lives::owed_at_end(pool, contract, published).await?;
    let life = life_of(pool, opened, published).await?;
    Ok(Claims {
        paid: Some(payouts::paid(pool, contract, published).await?),
        credited: Some(credited(pool, contract, published, owed_at_end.unwrap_or_default()).await?),
        work: Some(work_sums::of_contract(pool, contract, published).await?),
        milliseconds: epochs::milliseconds_of_contract(pool, contract, published).await?,
        life: Some(LifeView { paid_back: owed_at_end.map(PaidBackView::from), ..life }),
    })
}

/// By settlements, by accruals, and at its end.
async fn credited(pool: &AnyPool, contract: &Hash32, published: u64, at_end: Owed) -> Result<Sats, DbError> {
    let settled = settlements::credited(pool, contract, published).await?;
    let accrued = accruals::credited(pool, contract, published).await?;
    let sum = [accrued, at_end.refund, at_end.make_good].into_iter().try_fold(settled, Sats::checked_add);
    Ok(sum.unwrap_or(Sats::MAX))
}

/// A page of contracts out of up to `limit + 1` rows.
pub async fn page(
    pool: &AnyPool,
    published: u64,
    rows: Vec<Contract>,
    limit: u32,
) -> Result<Page<ContractView>, DbError> {
    let mut contracts = Vec::with_capacity(rows.len());
    for contract in rows {
        let view = with_claims(pool, published, &contract).await?;
        contracts.push((cursor(&contract), view));
    }
    Ok(Page::of(contracts, limit, |(cursor, _)| cursor.clone(), |(_, view)| view))
}

impl ContractView {
    /// The view of a contract that can't have yielded anything yet.
    pub fn of(contract: &Contract, now_ms: u64) -> Self {
        let life = contract.opened.as_ref().map(|opened| LifeView::paid(opened.from_ms));
        Self::with(contract, now_ms, Claims { life, ..Claims::default() })
    }

    fn with(contract: &Contract, now_ms: u64, claims: Claims) -> Self {
        let (opened, unpaid_sats) = (contract.opened.as_ref(), claims.unpaid());
        Self {
            id: contract.id,
            offer_id: contract.offer_id,
            status: contract.status_at(now_ms).into(),
            units_hs: contract.units.to_string(),
            term_ms: contract.term_ms,
            price_sats: contract.price.get(),
            payment_reference: contract.payment_reference.clone(),
            payout_address: contract.payout_address.clone(),
            terms_index: contract.terms_index,
            created_ms: contract.created_ms,
            reserved_until_ms: contract.reserved_until_ms,
            from_ms: opened.map(|opened| opened.from_ms),
            until_ms: opened.map(|opened| opened.until_ms),
            contract_id: opened.map(|opened| opened.contract_id.to_string()),
            leaf_index: opened.map(|opened| opened.leaf_index),
            receipt: opened.map(|opened| receipt(contract, opened)),
            life: claims.life,
            credited_sats: claims.credited.map_or(0, Sats::get),
            unpaid_sats,
            work: claims.work.map_or(0, Work::get).to_string(),
            promised_work: promised_work(contract, claims.milliseconds).to_string(),
        }
    }
}

impl LifeView {
    /// A state that no entry of its own made.
    fn since(state: LifeState, since_ms: u64) -> Self {
        Self { state, since_ms, reason: None, paid_back: None }
    }

    fn paid(since_ms: u64) -> Self {
        Self::since(LifeState::Paid, since_ms)
    }

    /// After a change; the state of a resumed contract is that of one that nothing changed.
    fn after(row: ChangeRow) -> Self {
        let state = match row.change.kind {
            ChangeKind::Suspended => LifeState::Suspended,
            ChangeKind::Resumed => LifeState::Active,
            ChangeKind::Fulfilled => LifeState::Fulfilled,
            ChangeKind::Closed => LifeState::Closed,
        };
        Self { reason: Some(row.reason), ..Self::since(state, row.at_ms) }
    }
}

/// By its last change; without one, by the epochs that opened since.
async fn life_of(pool: &AnyPool, opened: &Opened, published: u64) -> Result<LifeView, DbError> {
    let mut connection = pool.acquire().await?;
    let last = lives::changes_of(&mut connection, &opened.contract_id, published).await?.pop();
    let now_ms = now_ms();
    if opened.until_ms <= now_ms && last.as_ref().is_none_or(|last| !last.change.kind.is_end()) {
        return Ok(LifeView::since(LifeState::Fulfilled, opened.until_ms));
    }
    if let Some(last) = last {
        return Ok(LifeView::after(last));
    }
    let first = epochs::first_start_since(&mut connection, opened.from_ms, published).await?;
    let active = |since_ms| LifeView::since(LifeState::Active, since_ms);
    Ok(first.map_or_else(|| LifeView::paid(opened.from_ms), active))
}

impl From<Owed> for PaidBackView {
    fn from(owed: Owed) -> Self {
        Self { unused_time_sats: owed.refund.get(), missing_work_sats: owed.make_good.get() }
    }
}

impl From<Status> for ContractStatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Reserved => Self::Reserved,
            Status::Active => Self::Active,
            Status::Fulfilled => Self::Fulfilled,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ContractStatusView> for Status {
    fn from(status: ContractStatusView) -> Self {
        match status {
            ContractStatusView::Reserved => Self::Reserved,
            ContractStatusView::Active => Self::Active,
            ContractStatusView::Fulfilled => Self::Fulfilled,
            ContractStatusView::Cancelled => Self::Cancelled,
        }
    }
}

fn receipt(contract: &Contract, opened: &Opened) -> ReceiptView {
    ReceiptView { uuid: contract.id, nonce: contract.nonce.to_string(), details: opened.details.clone() }
}

/// Units × time, floored to whole hashes.
fn promised_work(contract: &Contract, milliseconds: u64) -> u128 {
    contract.units.get().saturating_mul(milliseconds.into()) / 1000
}
