//! What contracts are sold under, as the log has it.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use audit_core::entry::{Entry, Maintenance, Refund, Scheme, Shortfall, Suspension, Terms};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::db::log_entries;
use crate::problem::{Problem, ProblemBody};

/// Terms, read for people; the entry itself is in the log.
#[derive(Serialize, ToSchema)]
pub struct TermsView {
    /// The log entry.
    pub leaf_index: u64,
    pub scheme: SchemeView,
    /// How far back a PPLNS window reaches, in hashes, as a decimal string; `null` for other schemes.
    pub window_work: Option<String>,
    /// The operator's part of what is earned, in parts per million.
    pub fee_ppm: u32,
    /// For 1 TH/s (10^12 hashes a second) in a day, taken from what is earned; `null` when it is included in the price.
    pub maintenance_sats_per_ths_day: Option<u64>,
    /// When contracts are suspended; `null` when never.
    pub suspension: Option<SuspensionView>,
    /// Parts per million of the promised work that may be missing for nothing: what is missing beyond is paid back at the
    /// contract's end; `null` when nothing is.
    pub make_good_tolerance_ppm: Option<u32>,
    /// Whether the price of unused time is paid back, and the operator may close contracts early.
    pub refunds_unused_time: bool,
}

/// Suspension while running the machines costs more than it earns.
#[derive(Serialize, ToSchema)]
pub struct SuspensionView {
    /// Periods of epochs, as of accruals, in a row after which contracts are suspended.
    pub periods: u64,
    /// Part of the maintenance, in parts per million, that a hash must earn again.
    pub resume_ppm: u64,
    /// Periods of epochs, as of accruals, in a row after which they are resumed.
    pub resume_periods: u64,
}

/// How rewards are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemeView {
    Proportional,
    Pplns,
    Solo,
    Pps,
    Fpps,
}

/// The terms at a leaf of the log. They never change.
#[utoipa::path(tag = "offers", responses(
    (status = 200, body = TermsView),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/terms/{index}")]
pub(crate) async fn read_terms(state: Data<State>, index: Path<u64>) -> Result<Json<TermsView>, Problem> {
    let not_found = || Problem::not_found("terms entry");
    if *index >= state.engine.published() {
        return Err(not_found());
    }
    let mut connection = state.database.pool().acquire().await?;
    let row = log_entries::at(&mut connection, *index).await?.ok_or_else(not_found)?;
    match Entry::from_bytes(&row.entry).map_err(Problem::internal)? {
        Entry::Terms(terms) => Ok(Json(TermsView::of(*index, &terms))),
        _ => Err(not_found()),
    }
}

impl TermsView {
    fn of(leaf_index: u64, terms: &Terms) -> Self {
        let (scheme, window_work) = match terms.scheme {
            Scheme::Proportional => (SchemeView::Proportional, None),
            Scheme::Pplns { window_work } => (SchemeView::Pplns, Some(window_work.to_string())),
            Scheme::Solo => (SchemeView::Solo, None),
            Scheme::Pps => (SchemeView::Pps, None),
            Scheme::Fpps => (SchemeView::Fpps, None),
        };
        let maintenance_sats_per_ths_day = match terms.maintenance {
            Maintenance::Included => None,
            Maintenance::SatsPerThsDay(rate) => Some(rate.get()),
        };
        Self {
            leaf_index,
            scheme,
            window_work,
            fee_ppm: terms.fee_ppm,
            maintenance_sats_per_ths_day,
            suspension: SuspensionView::of(terms.suspension),
            make_good_tolerance_ppm: match terms.shortfall {
                Shortfall::ProRata => None,
                Shortfall::MakeGood { tolerance_ppm } => Some(tolerance_ppm),
            },
            refunds_unused_time: terms.refund == Refund::UnusedTime,
        }
    }
}

impl SuspensionView {
    fn of(suspension: Suspension) -> Option<Self> {
        match suspension {
            Suspension::None => None,
            Suspension::Unprofitable { periods, resume_ppm, resume_periods } => {
                Some(Self { periods, resume_ppm, resume_periods })
            }
        }
    }
}
