//! Proofs to keep: texts that anyone verifies offline with `provenhash-audit receipt` or another tool.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpResponse, get};
use audit_core::share_proof::SHARES_MAX;
use serde::Deserialize;
use utoipa::IntoParams;

use super::State;
use crate::db::epochs;
use crate::evidence::http::{BRIEFLY, FOR_EVER_AS_IS};
use crate::problem::{Code, Problem, ProblemBody};
use crate::proofs::{Head, Prover, ProverError, SealedShares};

/// Under which checkpoint.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HeadQuery {
    /// Size of a kept checkpoint (`/log/checkpoints/<size>`): the proof never changes then. Without it the newest.
    pub size: Option<u64>,
}

/// Which shares, and under which checkpoint.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SharesQuery {
    /// Position of the first share in the epoch's order, from 0: that is the best hash.
    pub first: u64,
    /// How many.
    #[param(minimum = 1, maximum = 4_096)]
    pub count: u64,
    /// As for entries.
    pub size: Option<u64>,
}

/// The proof that an entry is in the log (c2sp.org/tlog-proof, extra: the entry's bytes).
#[utoipa::path(tag = "proofs", params(HeadQuery), responses(
    (status = 200, description = "the proof", body = String, content_type = "text/plain; charset=utf-8"),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found: not published, or not under that checkpoint", body = ProblemBody,
     content_type = "application/problem+json"),
))]
#[get("/log/entries/{index}/proof")]
pub(crate) async fn prove_entry(
    state: Data<State>,
    index: Path<u64>,
    query: Query<HeadQuery>,
) -> Result<HttpResponse, Problem> {
    let (index, size) = (*index, query.size);
    let proof = prove(&state, index, size, move |prover, head| Ok(prover.entry(index, head)?.to_bytes())).await?;
    Ok(answer(proof, &format!("entry-{index}.tlog-proof"), size))
}

/// The proof that shares are in a sealed epoch (docs/LOG.md, Receipts).
#[utoipa::path(tag = "proofs", params(SharesQuery), responses(
    (status = 200, description = "the proof", body = String, content_type = "text/plain; charset=utf-8"),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found: not sealed, or not under that checkpoint", body = ProblemBody,
     content_type = "application/problem+json"),
))]
#[get("/epochs/{epoch}/shares/proof")]
pub(crate) async fn prove_shares(
    state: Data<State>,
    epoch: Path<u64>,
    query: Query<SharesQuery>,
) -> Result<HttpResponse, Problem> {
    let SharesQuery { first, count, size } = *query;
    let row = epochs::get(state.database.pool(), *epoch).await?;
    let close = row.and_then(|row| row.close).ok_or_else(|| Problem::not_found("sealed epoch"))?;
    let sealed = SealedShares { epoch: *epoch, close_index: close.close_index, count: close.share_count };
    check_range(first, count, sealed.count)?;
    let shares = move |prover: &Prover<'_>, head: &Head| Ok(prover.shares(&sealed, first, count, head)?.to_bytes());
    let proof = prove(&state, close.close_index, size, shares).await?;
    Ok(answer(proof, &format!("epoch-{epoch}-shares-{first}-{count}.share-proof"), size))
}

fn check_range(first: u64, count: u64, total: u64) -> Result<(), Problem> {
    if count == 0 || count > SHARES_MAX {
        return Err(Problem::new(Code::BadQuery, format!("count must be from 1 to {SHARES_MAX}")));
    }
    match first.checked_add(count) {
        Some(end) if end <= total => Ok(()),
        _ => Err(Problem::new(Code::BadQuery, format!("the epoch has the shares 0 to {total}, without the last"))),
    }
}

/// Makes a proof under a published head that covers the entry at `index`.
async fn prove(
    state: &State,
    index: u64,
    size: Option<u64>,
    make: impl FnOnce(&Prover<'_>, &Head) -> Result<Vec<u8>, ProverError> + Send + 'static,
) -> Result<Vec<u8>, Problem> {
    let (store, vkey) = (state.engine.evidence().clone(), state.engine.log_vkey());
    let proof = web::block(move || {
        let prover = Prover { store: &store, vkey: &vkey };
        match prover.head(size)? {
            Some(head) if index < head.size() => make(&prover, &head).map(Some),
            _ => Ok(None),
        }
    });
    let proof = proof.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    proof.ok_or_else(|| Problem::not_found("entry under that checkpoint"))
}

fn answer(proof: Vec<u8>, name: &str, size: Option<u64>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, if size.is_some() { FOR_EVER_AS_IS } else { BRIEFLY }))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proof_under_a_kept_head_is_cached_for_ever() {
        let cache = |size| answer(Vec::new(), "entry-1.tlog-proof", size).headers().get(CACHE_CONTROL).cloned();
        assert_eq!(cache(None).unwrap(), BRIEFLY);
        assert_eq!(cache(Some(3)).unwrap(), FOR_EVER_AS_IS);
        assert!(FOR_EVER_AS_IS.contains("immutable") && !BRIEFLY.contains("immutable"));
    }

    #[test]
    fn ranges_stay_inside_the_epoch_and_the_limit() {
        for (first, count, total) in [(0, 1, 1), (0, 4_096, 5_000), (4_999, 1, 5_000)] {
            assert!(check_range(first, count, total).is_ok());
        }
        for (first, count, total) in [(0, 0, 1), (0, 1, 0), (0, 4_097, 5_000), (4_999, 2, 5_000), (u64::MAX, 1, 5_000)]
        {
            assert!(check_range(first, count, total).is_err(), "{first} {count} {total}");
        }
    }
}
