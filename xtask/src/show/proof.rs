//! The demonstration of the proof: whatever an operator could fake is found.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Row;
use super::figures::{self, Proven, read, sentence};
use crate::bench::{self, engines};
use crate::process::run_watched;
use crate::setup::{self, Variant};
use crate::test::{Counts, scripts};
use crate::{demo, paths};

const PROVEN: &[Proven] = &[
    Proven {
        what: "three depths: every share, the best of each epoch, or drawn chunks; memory stays bounded",
        tests: &["depths::", "audit_runs::", "an_audits_peak", "log_files::"],
        figures: &[],
    },
    Proven {
        what: "a witness cosigns what only grows, also after kill -9; the audit demands its policy's quorum and times",
        tests: &["witness::", "witnesses::", "crash::", "files::", "protocol::"],
        figures: &["witness"],
    },
    Proven {
        what: "a watcher finds forks, rollbacks, wrong contents and silence, and keeps a proof of a fork",
        tests: &["watch::"],
        figures: &["watch"],
    },
    Proven {
        what: "receipts of entries and of shares are verified offline",
        tests: &["receipt::"],
        figures: &["receipts"],
    },
    Proven {
        what: "a balance left out, a coin made up and a payout gone astray are found",
        tests: &["liabilities::"],
        figures: &["liabilities"],
    },
    Proven {
        what: "blocks, heights, targets and times are those of the chain, on a real bitcoind with a reorganisation too",
        tests: &["chain::", "bitcoind::"],
        figures: &["bitcoin_core"],
    },
    Proven {
        what: "every cheat of docs/THREATS.md is found by the check named there, natively and on the command line",
        tests: &["threats::", "cheats::", "vectors::"],
        figures: &["threats"],
    },
    Proven {
        what: "a second verifier, in Python from docs/LOG.md alone, agrees on every vector and on changed bundles",
        tests: &["independent::"],
        figures: &["independent"],
    },
    Proven {
        what: "every parser of hostile bytes keeps its promises on all that fuzzing found",
        tests: &["every_kept_input", "every_corpus", "every_file_of_every_vector"],
        figures: &[],
    },
];

/// The test programs in which these tests are.
const PROGRAMS: &[&str] = &["suite", "evidence", "memory", "corpora", "witness"];

/// Everything of the demonstration, in order.
pub(crate) fn show() -> anyhow::Result<Vec<Row>> {
    setup::machine()?;
    setup::frontend()?;
    setup::browser_tests()?;
    demo::build_release()?;
    let folder = tempfile::tempdir()?;
    let mut rows = proven()?;
    rows.push(in_wasm(Variant::Simd, "with SIMD")?);
    rows.push(in_wasm(Variant::Scalar, "without SIMD")?);
    rows.push(reproducible());
    rows.extend(scale(folder.path())?);
    rows.extend(speed(folder.path())?);
    Ok(rows)
}

fn proven() -> anyhow::Result<Vec<Row>> {
    let programs = PROGRAMS.iter().flat_map(|program| ["--test", *program]);
    let packages: Vec<&str> =
        ["-p", "server", "-p", "auditor", "-p", "tests", "-p", "properties"].into_iter().chain(programs).collect();
    let filters: Vec<&str> = PROVEN.iter().flat_map(|proven| proven.tests).copied().collect();
    Ok(figures::of_tests(&packages, &filters)?.proven(PROVEN))
}

/// The vectors in the modules that pages load.
fn in_wasm(variant: Variant, named: &str) -> anyhow::Result<Row> {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(scripts(&paths::root().join("tests/wasm"))?);
    node.current_dir(paths::root()).env("WASM_NODE", setup::wasm_for_node(variant));
    let mut counts = Counts::default();
    let result = run_watched(&mut node, |line| counts.see_node(line));
    Ok(Row {
        what: format!("every lie of the vectors fails the same check in WebAssembly {named}"),
        figure: format!("{} of {} tests", counts.passed, counts.passed + counts.failed),
        held: result.is_ok() && counts.passed > 0 && counts.failed == 0,
    })
}

fn reproducible() -> Row {
    let result = setup::check_wasm();
    let figure =
        result.as_ref().map_or_else(ToString::to_string, |()| "two builds in different folders, the same bytes".into());
    Row { what: "anyone can rebuild the verifier's exact bytes".into(), figure, held: result.is_ok() }
}

/// A million shares are sealed; and a log of 10⁹ entries costs hardly more than one of 10⁴.
fn scale(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let file = folder.join("seal.json");
    bench::measure("bench_seal", Some(&file))?;
    let mut summary = read(&file)?["summary"].take();
    let log = summary.as_object_mut().and_then(|summary| summary.remove("log")).unwrap_or_default();
    let (small, large) = (costs(&log, 10_000), costs(&log, 1_000_000_000));
    let steps = small.iter().zip(&large);
    let shown: Vec<String> =
        steps.clone().map(|((name, less), (_, more))| format!("{name}: {less} and {more}")).collect();
    Ok(vec![
        Row {
            what: "a million shares are sealed".into(),
            held: summary["seal_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0),
            figure: sentence(&summary),
        },
        Row {
            what: "a log grows in O(log n): files read and written at 10⁴ and at 10⁹ entries".into(),
            held: !large.is_empty() && steps.clone().count() == large.len() && steps.clone().all(is_logarithmic),
            figure: shown.join("; "),
        },
    ])
}

/// What each step costs on a log of so many entries: its name and its reads and writes.
fn costs(log: &Value, entries: u64) -> Vec<(String, f64)> {
    let grown = log.as_array().into_iter().flatten().find(|grown| grown["entries"] == entries);
    let costs = grown.and_then(|grown| grown["costs"].as_array()).into_iter().flatten();
    let files = |cost: &Value| ["reads", "writes"].iter().filter_map(|name| cost[*name].as_f64()).sum::<f64>();
    costs
        .map(|cost| (cost["name"].as_str().unwrap_or_default().to_owned(), (files(cost) * 10.0).round() / 10.0))
        .collect()
}

/// From 10⁴ to 10⁹ entries a tree grows from 14 levels to 30, so from two tiles above each other to four: the work of the
/// same step may grow by as much, where work that followed the entries would grow 100,000-fold.
fn is_logarithmic(((name, less), (other, more)): (&(String, f64), &(String, f64))) -> bool {
    name == other && *more > 0.0 && *more <= less * 30.0 / 14.0
}

/// How fast the same shares are hashed in every engine, and a whole day in a browser.
fn speed(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let file = folder.join("verify.json");
    engines::hashing(Some(&file))?;
    let figures = read(&file)?;
    let (node, chromium) = (ratios(&figures, "node_simd"), ratios(&figures, "chromium_simd"));
    let two = figures["workers"][1]["of_one"].as_f64().unwrap_or_default();
    let day = folder.join("day.json");
    let held = engines::day(Some(&day)).is_ok();
    Ok(vec![
        goal("WebAssembly hashes shares in Node at 0.60 of native and 14 times plain JavaScript", node, (0.60, 14.0)),
        goal("and in Chromium at 0.58 of native and 17 times plain JavaScript", chromium, (0.58, 17.0)),
        Row {
            what: "two workers in Chromium are 1.9 times as fast as one".into(),
            figure: format!("{two:.2} times"),
            held: two >= 1.9,
        },
        Row {
            what: "a day of 86,400 shares is verified exactly in Chromium".into(),
            figure: sentence(&read(&day)?),
            held,
        },
    ])
}

/// Speed of one engine as parts of native hashing and of plain JavaScript in the same engine.
fn ratios(figures: &Value, id: &str) -> (f64, f64) {
    let rows = figures["rows"].as_array().into_iter().flatten();
    let row = rows.into_iter().find(|row| row["id"] == id);
    let part = |name: &str| row.and_then(|row| row[name].as_f64()).unwrap_or_default();
    (part("of_native"), part("of_plain"))
}

fn goal(what: &str, (of_native, of_plain): (f64, f64), least: (f64, f64)) -> Row {
    Row {
        what: what.into(),
        figure: format!("{of_native:.2} of native, {of_plain:.1} times plain JavaScript"),
        held: of_native >= least.0 && of_plain >= least.1,
    }
}
