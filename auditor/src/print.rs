//! What a person sees.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stderr},
    time::{Duration, Instant},
};

use audit_core::{
    audit::{AuditReport, CheckReport, ContractReport, Outcome, Place, Progress},
    policy::Policy,
};

/// A terminal line is redrawn no more often than this.
const REDRAW: Duration = Duration::from_millis(100);

/// An error with its causes, to stderr.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("provenhash-audit: {error:#}");
}

/// Says whom the audit trusts when no policy was given.
pub(crate) fn trusting(policy: &Policy) {
    eprintln!("Trusting the policy that the evidence itself names (pin it with --policy FILE):");
    for line in policy.to_string().lines() {
        eprintln!("  {line}");
    }
}

/// The report as text: a line a check, failures with their places, then the sums.
pub(crate) fn table(report: &AuditReport) -> String {
    let mut text = String::new();
    if !report.origin.is_empty() {
        let _ = writeln!(text, "Log {}, {} entries, root {}\n", report.origin, report.tree_size, report.root);
    }
    for check in &report.checks {
        check_lines(&mut text, check);
    }
    let totals = &report.totals;
    let _ = writeln!(
        text,
        "\n{} epochs, {} shares, {} hashes, {} blocks, {} sats rewarded, {} sats credited, {} sats owed",
        totals.epochs,
        totals.shares,
        totals.work,
        totals.blocks,
        totals.reward_sats,
        totals.credits_sats,
        totals.unpaid_sats
    );
    depth_lines(&mut text, report);
    if let Some(contract) = &report.contract {
        contract_lines(&mut text, contract);
    }
    let verdict = if report.held { "Everything checked holds." } else { "NOT everything holds: see above." };
    let _ = writeln!(text, "{verdict}");
    text
}

fn check_lines(text: &mut String, check: &CheckReport) {
    let mark = match check.outcome {
        Outcome::Held => "held",
        Outcome::Failed => "FAILED",
        Outcome::NotApplicable => "n/a",
        Outcome::NotBound => "not bound",
        Outcome::NotChecked => "not checked",
    };
    let _ = writeln!(text, "{mark:<12} {:<16} {}", check.id.id(), check.sentence);
    if !check.detail.is_empty() {
        let _ = writeln!(text, "{:30}{}", "", check.detail);
    }
    for place in &check.failures {
        let _ = writeln!(text, "{:30}{}", "", told(place));
    }
    let more = check.failure_count.saturating_sub(check.failures.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "{:30}and {more} more", "");
    }
}

fn told(place: &Place) -> String {
    let index = place.index.map(|index| format!("[{index}]")).unwrap_or_default();
    format!("{}{index}: expected {}, found {}", place.file, place.expected, place.found)
}

/// What a depth that is not *exact* leaves open.
fn depth_lines(text: &mut String, report: &AuditReport) {
    if let Some(estimate) = &report.estimate {
        let (k, work, claimed) = (estimate.k, estimate.work, estimate.claimed);
        let error = percent(estimate.error_ppm);
        let _ =
            writeln!(text, "The {k} best hashes let expect {work} hashes, give or take {error}; {claimed} are claimed");
    }
    if let Some(sampling) = &report.sampling {
        let (samples, seed, confidence) = (sampling.samples, sampling.seed, percent(sampling.confidence_ppm));
        let _ = writeln!(
            text,
            "{samples} samples with seed {seed}: a lie of 1 % of the work is met with a chance of {confidence}"
        );
        let more = sampling.samples_for_999.saturating_sub(samples);
        if more > 0 {
            let _ =
                writeln!(text, "{more} samples more give a chance of 99.9 %: --samples {}", sampling.samples_for_999);
        }
    }
    if report.depth != "exact" {
        let _ = writeln!(text, "Depth {}: not every share was recomputed; --depth exact does that", report.depth);
    }
}

fn percent(ppm: u64) -> String {
    format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100)
}

fn contract_lines(text: &mut String, contract: &ContractReport) {
    let delivered = match contract.delivered_ppm {
        Some(ppm) => format!("{}.{:04} %", ppm / 10_000, ppm % 10_000),
        None => "nothing due yet".into(),
    };
    let _ = writeln!(
        text,
        "Contract {}: {} hashes of {} promised ({delivered}), {} sats credited, {} of them paid, {} owed",
        contract.id,
        contract.work,
        contract.promised_work,
        contract.credited_sats,
        contract.paid_sats,
        contract.unpaid_sats
    );
}

/// One line that tells how far the audit is; nothing where stderr is no terminal.
pub(crate) struct ProgressLine {
    shown: Option<Instant>,
    terminal: bool,
}

impl ProgressLine {
    pub(crate) fn new() -> Self {
        Self { shown: None, terminal: stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, step: Progress) {
        if !self.terminal || self.shown.is_some_and(|shown| shown.elapsed() < REDRAW) {
            return;
        }
        self.shown = Some(Instant::now());
        eprint!(
            "\r\x1b[K{} {}/{}: {} of {} shares, {}.{} MB",
            step.stage,
            step.epoch,
            step.epochs,
            step.shares,
            step.shares_total,
            step.bytes / 1_000_000,
            step.bytes % 1_000_000 / 100_000
        );
        let _ = stderr().flush();
    }

    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
