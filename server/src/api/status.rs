//! What is going on right now, for the front page and for programs that wait for something.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use sqlx::AnyPool;
use utoipa::ToSchema;

use super::State;
use crate::assets;
use crate::db::epochs::EpochRow;
use crate::db::{DbError, blocks, epochs, settlements, work_sums};
use crate::payouts::PayoutSettings;
use crate::problem::Problem;
use crate::tlog::WitnessStatus;

/// Closed epochs that the displayed hashrate is estimated over.
const ESTIMATE_EPOCHS: u64 = 12;

/// The state of the log, the chain and the pool.
#[derive(Serialize, ToSchema)]
pub struct StatusView {
    /// `bitcoin`, `testnet4`, `signet` or `regtest`.
    pub network: String,
    pub origin: String,
    pub log_vkey: String,
    /// Entries under the newest published checkpoint.
    pub tree_size: u64,
    /// Entries under the newest signed checkpoint; more than tree_size while witnesses are waited for.
    pub signed_size: u64,
    /// Who cosigns the log.
    pub witnesses: Vec<WitnessView>,
    /// The epoch that is being mined; null before the first.
    pub epoch: Option<u64>,
    pub epoch_started_ms: Option<u64>,
    /// The chain's best block; null when the node does not answer.
    pub chain: Option<ChainView>,
    /// Connected Stratum sessions.
    pub sessions: u64,
    /// Shares in closed epochs.
    pub shares_total: u64,
    /// Their work.
    pub work_total: String,
    /// An estimate over the last closed epochs.
    pub hashrate_hs: String,
    pub blocks: BlockCountsView,
    pub settlements: u64,
    /// How contracts are paid; null while this server makes no payouts.
    pub payouts: Option<PayoutRulesView>,
    /// SHA-256 of each module that the pages may load as the verifier; none when there are no pages in this binary.
    pub verifier_wasm_sha256: Vec<String>,
}

/// How contracts are paid.
#[derive(Serialize, ToSchema)]
pub struct PayoutRulesView {
    /// Who is owed less waits; after a contract's end everything above dust is paid.
    pub threshold_sats: u64,
    /// Time from one round of payouts to the next.
    pub every_ms: u64,
    /// Blocks from a payout's to the tip, both counted, after which it goes into the log.
    pub final_depth: u32,
}

/// A block of the chain.
#[derive(Serialize, ToSchema)]
pub struct ChainView {
    pub height: u32,
    pub hash: String,
}

/// A witness of the log.
#[derive(Serialize, ToSchema)]
pub struct WitnessView {
    /// Its name in /log/policy.
    pub name: String,
    /// Entries that it cosigned last; 0 when it has not yet.
    pub size: u64,
    /// When it last cosigned; null when it has not since the start.
    pub cosigned_ms: Option<u64>,
    /// Why it did not cosign when it was last asked; null when it did.
    pub error: Option<String>,
}

/// How many blocks were found, and what became of them.
#[derive(Serialize, ToSchema)]
pub struct BlockCountsView {
    pub found: u64,
    pub matured: u64,
    pub orphaned: u64,
}

impl PayoutRulesView {
    fn of(settings: &PayoutSettings) -> Self {
        Self {
            threshold_sats: settings.threshold.get(),
            every_ms: u64::try_from(settings.every.as_millis()).unwrap_or(u64::MAX),
            final_depth: settings.final_depth,
        }
    }
}

impl From<WitnessStatus> for WitnessView {
    fn from(WitnessStatus { name, size, cosigned_s, error }: WitnessStatus) -> Self {
        Self { name, size, cosigned_ms: cosigned_s.map(|time_s| time_s.saturating_mul(1_000)), error }
    }
}

/// The state of the log, the chain and the pool.
#[utoipa::path(tag = "records", responses((status = 200, body = StatusView)))]
#[get("/status")]
pub(crate) async fn read_status(state: Data<State>) -> Result<Json<StatusView>, Problem> {
    let pool = state.database.pool();
    let engine = state.engine.status().await?;
    let blocks = blocks::counts(pool).await?;
    Ok(Json(StatusView {
        network: state.config.node.network.to_string(),
        origin: engine.origin,
        log_vkey: engine.log_vkey,
        tree_size: engine.head.size,
        signed_size: engine.signed_size,
        witnesses: engine.witnesses.into_iter().map(WitnessView::from).collect(),
        epoch: engine.epoch.as_ref().map(|epoch| epoch.epoch),
        epoch_started_ms: engine.epoch.as_ref().map(|epoch| epoch.start_ms),
        chain: engine.tip.map(|tip| ChainView { height: tip.height, hash: tip.hash.to_string() }),
        sessions: engine.sessions,
        shares_total: epochs::totals(pool).await?.shares,
        work_total: work_sums::of_all(pool).await?.to_string(),
        hashrate_hs: recent_hashrate(pool).await?.to_string(),
        blocks: BlockCountsView { found: blocks.found, matured: blocks.matured, orphaned: blocks.orphaned },
        settlements: settlements::count(pool).await?,
        payouts: state.engine.payouts().map(|payouts| PayoutRulesView::of(&payouts.settings)),
        verifier_wasm_sha256: assets::verifier_wasm_sha256().iter().map(ToString::to_string).collect(),
    }))
}

async fn recent_hashrate(pool: &AnyPool) -> Result<u128, DbError> {
    Ok(hashrate(&epochs::page(pool, None, ESTIMATE_EPOCHS + 2).await?))
}

/// Work of the closed epochs ÷ the time from the first's start to the end of the last, which is the start of the epoch
/// after it. `newest_first` has no gaps.
fn hashrate(newest_first: &[EpochRow]) -> u128 {
    let Some(closed) = newest_first.iter().position(|row| row.close.is_some()).filter(|closed| *closed > 0) else {
        return 0;
    };
    let epochs = &newest_first[closed..];
    let work: u128 = epochs.iter().filter_map(|row| row.close.as_ref()).map(|close| close.work.get()).sum();
    let from_ms = epochs.last().map_or(0, |row| row.start_ms);
    let until_ms = newest_first[closed - 1].start_ms;
    work.saturating_mul(1000) / u128::from(until_ms.saturating_sub(from_ms).max(1))
}

#[cfg(test)]
mod tests {
    use audit_core::hash::Hash32;
    use audit_core::work::{Units, Work};

    use super::*;
    use crate::db::epochs::EpochCloseRow;

    fn epoch(epoch: u64, work: Option<u128>) -> EpochRow {
        let close = work.map(|work| EpochCloseRow { close_index: 0, share_count: 1, work: Work::new(work) });
        EpochRow {
            epoch,
            start_ms: epoch * 10_000,
            open_index: 0,
            allocation_root: Hash32([0; 32]),
            capacity: Units::new(1).unwrap(),
            close,
        }
    }

    #[test]
    fn hashrate_is_work_of_closed_epochs_over_their_time() {
        assert_eq!(hashrate(&[]), 0);
        assert_eq!(hashrate(&[epoch(1, None)]), 0);
        assert_eq!(hashrate(&[epoch(3, None), epoch(2, Some(50_000)), epoch(1, Some(10_000))]), 3_000);
        assert_eq!(hashrate(&[epoch(3, None), epoch(2, None), epoch(1, Some(10_000))]), 1_000);
    }
}
