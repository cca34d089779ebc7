//! What each registered lot brings, and all others together.

use std::fmt::Write as _;

use pool_core::{LotStats, Lots};

use super::header;

/// Per lot; those that are not registered are one line with an empty `lot`, so strangers can't add lines.
pub fn lots(text: &mut String, lots: &Lots) {
    let mut all = lots.all();
    all.push((String::new(), lots.unregistered()));
    section(text, "provenhash_lot_workers", "gauge", "Workers logged in", &all, |stats| stats.workers.to_string());
    section(text, "provenhash_lot_shares_accepted_total", "counter", "Shares acknowledged", &all, |stats| {
        stats.leg.accepted.to_string()
    });
    section(text, "provenhash_lot_work_hashes_total", "counter", "Work of the shares acknowledged", &all, |stats| {
        stats.leg.work.to_string()
    });
    header(text, "provenhash_lot_shares_rejected_total", "counter", "Submissions rejected, by reason");
    for (name, stats) in &all {
        for (reason, count) in &stats.leg.rejected {
            let reason = reason.name();
            let _ =
                writeln!(text, "provenhash_lot_shares_rejected_total{{lot=\"{name}\",reason=\"{reason}\"}} {count}");
        }
    }
}

/// Lots' names need no escapes: they are letters, digits, `_` and `-`.
fn section(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    all: &[(String, LotStats)],
    value: impl Fn(&LotStats) -> String,
) {
    header(text, name, kind, help);
    for (lot, stats) in all {
        let _ = writeln!(text, "{name}{{lot=\"{lot}\"}} {}", value(stats));
    }
}
