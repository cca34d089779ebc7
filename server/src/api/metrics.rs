//! What the process has counted since it started, for `/metrics`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::StatusCode;

use crate::tlog::WitnessStatus;

mod lots;
mod pool;

pub use lots::lots;
pub use pool::pool;

/// Counters. Each is a plain total: nothing is decided by them, so no ordering is needed.
#[derive(Debug, Default)]
pub struct Metrics {
    answers: [AtomicU64; 5],
    pub refused_sign_ins: Counter,
}

/// A total that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.answers[class].fetch_add(1, Ordering::Relaxed);
    }

    /// The counters in the Prometheus text format.
    pub fn write(&self, text: &mut String) {
        header(text, "provenhash_http_responses_total", "counter", "Answered requests by status class");
        for (class, count) in (1..).zip(&self.answers) {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "provenhash_http_responses_total{{class=\"{class}xx\"}} {count}");
        }
        let refused = self.refused_sign_ins.get();
        metric(text, "provenhash_refused_sign_ins_total", "counter", "Sign-ins with wrong credentials", refused);
    }
}

/// Whether each witness cosigned when it was last asked.
pub fn witnesses(text: &mut String, witnesses: &[WitnessStatus]) {
    if witnesses.is_empty() {
        return;
    }
    header(text, "provenhash_witness_up", "gauge", "Whether the witness cosigned when it was last asked");
    for WitnessStatus { name, error, .. } in witnesses {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "provenhash_witness_up{{witness=\"{name}\"}} {}", u8::from(error.is_none()));
    }
}

/// One metric without labels.
pub fn metric(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    header(text, name, kind, help);
    let _ = writeln!(text, "{name} {value}");
}

fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class() {
        let metrics = Metrics::default();
        metrics.answered(StatusCode::OK);
        metrics.answered(StatusCode::NOT_FOUND);
        metrics.answered(StatusCode::CONFLICT);
        let mut text = String::new();
        metrics.write(&mut text);
        assert!(text.contains("provenhash_http_responses_total{class=\"2xx\"} 1\n"));
        assert!(text.contains("provenhash_http_responses_total{class=\"4xx\"} 2\n"));
    }
}
