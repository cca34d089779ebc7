//! What settlements, accruals and conclusions have in common: credits, recomputed and published.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Evidence, Place, evidence::Source, report::Findings};
use crate::settlement::Credit;

/// Longest file of credits that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// The credits of a settlement, an accrual or a conclusion that was judged.
pub(super) struct Credited {
    /// Leaf index of its entry.
    pub(super) index: u64,
    /// Its file.
    pub(super) path: String,
    pub(super) number: u64,
    /// `None` when they can't be recomputed.
    pub(super) recomputed: Option<Vec<Credit>>,
    /// `None` when the file can't be read.
    pub(super) published: Option<Vec<Credit>>,
}

/// Reads the file at `path`, which holds `what`.
pub(super) async fn published<E: Evidence, F, X: ToString>(
    source: &mut Source<'_, E>,
    path: String,
    (check, what): (CheckId, &str),
    parse: fn(&[u8]) -> Result<F, X>,
    findings: &mut Findings,
) -> Option<F> {
    let bytes = source.fetch(&path, FILE_MAX, check, findings).await?;
    let failed = parse(&bytes).map_err(|error| findings.fail(check, Place::new(path, None, what, error.to_string())));
    failed.ok()
}

/// A file's rows are not the recomputed ones: fails `check` at the first that differs.
pub(super) fn rows_differ<R: PartialEq>(
    (check, path): (CheckId, &str),
    ours: &[R],
    theirs: &[R],
    told: impl Fn(&R) -> String,
    findings: &mut Findings,
) {
    let differs = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
    let row = differs.unwrap_or(ours.len().min(theirs.len()));
    let of = |rows: &[R]| rows.get(row).map_or_else(|| "the end".to_string(), &told);
    findings.fail(check, Place::new(path, Some(row as u64), of(ours), of(theirs)));
}

/// A credit in words.
pub(super) fn told(credit: &Credit) -> String {
    alloc::format!("{} sats for {}", credit.sats, credit.id)
}
