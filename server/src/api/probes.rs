//! For the machines that watch this one.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use pool_core::PoolStats;

use super::State;
use super::metrics::{lots, metric, pool, witnesses};
use crate::db::{blocks, epochs, settlements};
use crate::problem::{Code, Problem, ProblemBody};

/// A found block that no node has taken for so long is an operator's business: a node judges a block in seconds.
const BLOCK_WAIT: Duration = Duration::from_secs(30);

/// The process runs.
#[utoipa::path(tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/livez")]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// The server can do its work: the database and a node answer, an epoch is open, and no found block waits for a node.
#[utoipa::path(tag = "probes", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 503, description = "unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/readyz")]
pub(crate) async fn readyz(state: Data<State>) -> Result<&'static str, Problem> {
    let not_ready =
        |what: &str| Problem::new(Code::Unavailable, format!("{what}; try again in a moment")).retry_after(1);
    state.database.ping().await.map_err(|_| not_ready("the database does not answer"))?;
    let status = state.engine.status().await.map_err(|_| not_ready("the database does not answer"))?;
    let what = match (status.epoch, status.tip) {
        _ if state.engine.is_stopping() => "the server is stopping",
        (None, _) => "no epoch is open yet",
        (_, None) => "no Bitcoin node answers",
        _ if blocks_wait(&state.engine.pool()) => "a found block is with no node yet",
        (Some(_), Some(_)) => return Ok("ok\n"),
    };
    Err(not_ready(what))
}

fn blocks_wait(pool: &PoolStats) -> bool {
    pool.blocks.longest_wait >= BLOCK_WAIT
}

/// Counters and gauges in the Prometheus text format.
#[utoipa::path(tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub(crate) async fn read_metrics(state: Data<State>) -> Result<HttpResponse, Problem> {
    let mut text = String::new();
    state.metrics.write(&mut text);
    let database = state.database.pool();
    let engine = state.engine.status().await?;
    let epochs = epochs::totals(database).await?;
    let blocks = blocks::counts(database).await?;
    let height = engine.tip.as_ref().map_or(0, |tip| tip.height);
    let gauges: [(&str, &str, u64); 9] = [
        ("provenhash_log_entries", "Entries under the newest published checkpoint", engine.head.size),
        ("provenhash_log_signed_entries", "Entries under the newest signed checkpoint", engine.signed_size),
        ("provenhash_sessions", "Connected Stratum sessions", engine.sessions),
        ("provenhash_chain_height", "Height of the node's best block, 0 when it does not answer", height.into()),
        ("provenhash_closed_epochs", "Epochs that are closed and logged", epochs.epochs),
        ("provenhash_logged_shares", "Shares in closed epochs", epochs.shares),
        ("provenhash_blocks_found", "Blocks found", blocks.found),
        ("provenhash_blocks_orphaned", "Blocks found and orphaned", blocks.orphaned),
        ("provenhash_settlements", "Settlements", settlements::count(database).await?),
    ];
    for (name, help, value) in gauges {
        metric(&mut text, name, "gauge", help, value);
    }
    if let Some(epoch) = &engine.epoch {
        metric(&mut text, "provenhash_epoch", "gauge", "The epoch that is being mined", epoch.epoch);
    }
    pool(&mut text, &state.engine.pool());
    witnesses(&mut text, &engine.witnesses);
    lots(&mut text, &state.lots);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
