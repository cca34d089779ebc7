//! The operator's rules of payouts.

use std::time::Duration;

use audit_core::work::Sats;

use super::fees::FeeRate;
use super::keys::PayoutKeys;

/// How and when is paid.
#[derive(Debug)]
pub struct PayoutSettings {
    /// The script that blocks pay to, and how it is spent from.
    pub keys: PayoutKeys,
    /// Who is owed less waits.
    pub threshold: Sats,
    /// Outputs of a payout at most, without the change.
    pub outputs: usize,
    /// Highest fee rate that is offered.
    pub fee_cap: FeeRate,
    /// What the server signs by itself in 24 hours at most. Fees have their own cap.
    pub day_limit: Sats,
    /// Above this a second person has to agree.
    pub approval_above: Option<Sats>,
    /// From one batch to the next.
    pub every: Duration,
    /// Blocks from the payout's to the tip, both counted, that make it final.
    pub final_depth: u32,
}
