//! Payouts as the operator sees them.

use audit_core::payout::PayoutRow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::payouts::{Attempt, Payout};

/// A payout.
#[derive(Serialize, ToSchema)]
pub struct PayoutView {
    /// Number, from 1.
    pub payout: u64,
    /// `planned`, `signed`, `broadcast`, `confirmed`, `logged` or `cancelled`.
    pub state: &'static str,
    pub created_ms: u64,
    /// What contracts are paid together, without the fee.
    pub total_sats: u64,
    /// Whether a second person has to agree before it is signed.
    pub needs_approval: bool,
    pub approved_ms: Option<u64>,
    /// Since when it may be signed elsewhere.
    pub handed_out_ms: Option<u64>,
    /// The transaction that is in a block, and where.
    pub txid: Option<String>,
    pub block_hash: Option<String>,
    pub block_height: Option<u32>,
    /// Its entry in the log.
    pub leaf_index: Option<u64>,
}

/// A payout with all its parts.
#[derive(Serialize, ToSchema)]
pub struct PayoutDetailView {
    #[serde(flatten)]
    pub payout: PayoutView,
    /// The first transaction and its replacements, of which one at most is ever mined.
    pub attempts: Vec<AttemptView>,
    pub rows: Vec<PayoutRowView>,
}

/// A transaction of a payout.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    pub txid: String,
    pub fee_sats: u64,
    /// Virtual bytes at most.
    pub vsize: u64,
    pub signed_ms: Option<u64>,
    /// `server` or `outside`.
    pub signed_by: Option<&'static str>,
}

/// What a contract is paid.
#[derive(Serialize, ToSchema)]
pub struct PayoutRowView {
    pub contract_id: String,
    pub sats: u64,
    pub vout: u32,
}

/// A transaction to be signed.
#[derive(Serialize, ToSchema)]
pub struct PsbtView {
    pub txid: String,
    pub fee_sats: u64,
    /// BIP 174, base64.
    pub psbt: String,
}

impl PayoutView {
    pub fn of(payout: &Payout) -> Self {
        let mined = payout.mined.as_ref();
        Self {
            payout: payout.payout,
            state: payout.state.as_str(),
            created_ms: payout.created_ms,
            total_sats: payout.total.get(),
            needs_approval: payout.needs_approval,
            approved_ms: payout.approved_ms,
            handed_out_ms: payout.handed_out_ms,
            txid: mined.map(|mined| mined.txid.to_string()),
            block_hash: mined.map(|mined| mined.block.to_string()),
            block_height: mined.map(|mined| mined.height),
            leaf_index: payout.entry_index,
        }
    }
}

impl PayoutDetailView {
    pub fn of(payout: &Payout, rows: &[PayoutRow], attempts: &[Attempt]) -> Self {
        Self {
            payout: PayoutView::of(payout),
            attempts: attempts.iter().map(AttemptView::of).collect(),
            rows: rows.iter().map(PayoutRowView::of).collect(),
        }
    }
}

impl AttemptView {
    fn of(attempt: &Attempt) -> Self {
        let signed = attempt.signed.as_ref();
        Self {
            txid: attempt.txid.to_string(),
            fee_sats: attempt.fee.get(),
            vsize: attempt.vsize,
            signed_ms: signed.map(|signed| signed.signed_ms),
            signed_by: signed.map(|signed| signed.signer.as_str()),
        }
    }
}

impl PayoutRowView {
    fn of(row: &PayoutRow) -> Self {
        Self { contract_id: row.id.to_string(), sats: row.sats.get(), vout: row.vout }
    }
}

impl PsbtView {
    pub fn of(attempt: &Attempt) -> Self {
        let (txid, psbt) = (attempt.txid.to_string(), STANDARD.encode(&attempt.psbt));
        Self { txid, fee_sats: attempt.fee.get(), psbt }
    }
}
