//! What holds for every parser of bytes from strangers, whatever the bytes: it ends, it does not panic, it keeps no more
//! than it was given, and what it accepts has one form only.
//!
//! In scope: the properties, one function for each parser. Out of scope: finding bytes that break them, which is the
//! fuzzer's part (`fuzz/`, `cargo xtask fuzz`); what it found once is kept in `tests/corpora` and tried by this package's
//! own test on every run, without a fuzzer.

mod accruals;
mod chain;
mod epoch;
mod log;
mod money;
mod pool;
mod proofs;

/// A property of a parser: panics where bytes break it.
pub type Property = fn(&[u8]);

/// Every fuzzing target by its name, which is also its folder in `tests/corpora`.
pub const TARGETS: &[(&str, Property)] = &[
    ("checkpoint", log::checkpoint),
    ("note", log::note),
    ("judged_note", proofs::judged_note),
    ("tlog_proof", proofs::tlog_proof),
    ("share_proof", proofs::share_proof),
    ("add_checkpoint", proofs::add_checkpoint),
    ("fork_proof", proofs::fork_proof),
    ("policy", log::policy),
    ("vkey", log::vkey),
    ("entry", log::entry),
    ("entry_bundle", log::entry_bundle),
    ("tar", log::tar),
    ("sums", log::sums),
    ("record", epoch::record),
    ("jobs", epoch::jobs),
    ("sessions", epoch::sessions),
    ("rejects", epoch::rejects),
    ("allocation", epoch::allocation),
    ("coinbase", epoch::coinbase),
    ("receipt", money::receipt),
    ("settlement", money::settlement),
    ("accrual", money::accrual),
    ("conclusion", money::conclusion),
    ("accrue", accruals::accrue),
    ("liabilities", money::liabilities),
    ("payout", money::payout),
    ("transaction", money::transaction),
    ("coinbase_row", chain::coinbase_row),
    ("side_headers", chain::side_headers),
    ("headers", chain::headers),
    ("stratum_line", pool::stratum_line),
    ("job_id", pool::job_id),
];

/// The property of a target.
///
/// # Panics
/// On a name that is no target.
pub fn property(target: &str) -> Property {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.unwrap_or_else(|| panic!("no target is called {target}")).1
}

/// Canonical JSON: what is read is written back byte for byte.
fn canonical_json<T: serde::de::DeserializeOwned + serde::Serialize>(bytes: &[u8]) -> Option<T> {
    let value = audit_core::json::from_canonical::<T>(bytes).ok()?;
    assert_eq!(audit_core::json::to_canonical(&value), bytes, "read, then written, is something else");
    Some(value)
}
