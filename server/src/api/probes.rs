//! For the machines that watch this one.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use super::State;
use super::metrics::{lots, metric, witnesses};
use crate::db::{blocks, epochs, settlements};
use crate::problem::{Code, Problem, ProblemBody};

/// The process runs.
#[utoipa::path(tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/livez")]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// The server can do its work: the database answers and an epoch is open.
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
    match (status.epoch, status.tip) {
        (Some(_), Some(_)) => Ok("ok\n"),
        (None, _) => Err(not_ready("no epoch is open yet")),
        (_, None) => Err(not_ready("the Bitcoin node does not answer")),
    }
}

/// Counters and gauges in the Prometheus text format.
#[utoipa::path(tag = "probes", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub(crate) async fn read_metrics(state: Data<State>) -> Result<HttpResponse, Problem> {
    let mut text = String::new();
    state.metrics.write(&mut text);
    let pool = state.database.pool();
    let engine = state.engine.status().await?;
    let epochs = epochs::totals(pool).await?;
    let blocks = blocks::counts(pool).await?;
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
        ("provenhash_settlements", "Settlements", settlements::count(pool).await?),
    ];
    for (name, help, value) in gauges {
        metric(&mut text, name, "gauge", help, value);
    }
    witnesses(&mut text, &engine.witnesses);
    lots(&mut text, &state.lots);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
