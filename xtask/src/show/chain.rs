//! The demonstration of the chain: bought, mined, sealed, settled, verified, and attacked.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde_json::Value;

use super::Row;
use crate::process::run_watched;
use crate::{bench, demo, paths, setup};

/// A row that a test proves: the figure's name as the test prints it, what it shows, and when it holds.
struct Shown {
    name: &'static str,
    what: &'static str,
    held: fn(&Value) -> bool,
}

/// What the suite's tests print as `figure {"name":…}` lines.
const BY_TESTS: &[Shown] = &[
    Shown {
        name: "flips",
        what: "every changed byte, cut and addition in a bundle is caught, with a check and a place",
        held: |figure| figure["caught"] == figure["tried"] && figure["tried"].as_u64() >= Some(500),
    },
    Shown {
        name: "kills",
        what: "kill -9 of the server loses no acknowledged share and never forks the log",
        held: |figure| figure["kills"].as_u64() >= Some(20) && figure["missing_shares"] == 0 && figure["forks"] == 0,
    },
    Shown {
        name: "cross_epoch_share",
        what: "a share moved to another epoch is refused, even if the operator signs the forged log",
        held: |figure| figure["refused"] == true,
    },
    Shown {
        name: "changed_allocation",
        what: "an allocation changed after the work is refused, even if the operator signs the forged log",
        held: |figure| figure["refused"] == true,
    },
    Shown {
        name: "hostile",
        what: "malformed Stratum and HTTP leave the server mining",
        held: |figure| figure["survived"] == figure["tried"] && figure["tried"].as_u64() > Some(0),
    },
    Shown {
        name: "bitcoin_core",
        what: "Bitcoin Core accepts the blocks found through the Stratum port, on regtest and a private signet",
        held: |figure| figure["regtest_blocks"].as_u64() > Some(0) && figure["signet_blocks"].as_u64() > Some(0),
    },
];

/// The tests that print those figures.
const TESTS: &[&str] = &["flips::", "kill::", "forgeries::", "hostile::", "bitcoind::"];

/// Everything of the demonstration, in order.
pub(crate) fn show() -> anyhow::Result<Vec<Row>> {
    setup::machine()?;
    setup::frontend()?;
    demo::build_release()?;
    let folder = tempfile::tempdir()?;
    let mut rows = played(folder.path())?;
    rows.extend(tested()?);
    rows.extend(measured(folder.path())?);
    Ok(rows)
}

fn played(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let started = Instant::now();
    let out = folder.join("demo");
    let result = demo::headless(&out, 0);
    let seconds = started.elapsed().as_secs();
    let mut rows = vec![Row {
        what: "bought, paid, mined, settled and verified from outside, without a hand on it".into(),
        figure: format!("{seconds} s"),
        held: result.is_ok(),
    }];
    if let Err(error) = result {
        println!("the demo failed: {error:#}");
        return Ok(rows);
    }
    let figures = read(&out.join("figures.json"))?;
    rows.push(Row {
        what: "every check of the verifier held, for the URL, the folder and the tar".into(),
        figure: sentence(&figures),
        held: figures["held"] == true,
    });
    Ok(rows)
}

/// Runs the suite in release, so that the figures are those of the programs people run.
fn tested() -> anyhow::Result<Vec<Row>> {
    let cluster = setup::Cluster::start()?;
    let mut cargo = paths::cargo();
    // The packages of the release build, so that cargo finds every dependency built with the same features.
    cargo.args(["test", "--release", "-p", "server", "-p", "auditor", "-p", "tests"]);
    cargo.args(["--test", "suite", "--", "--nocapture"]).args(TESTS);
    cargo.env("BITCOIND", setup::bitcoind()?).env("DATABASE_URL", cluster.url());
    let mut figures = BTreeMap::new();
    let result = run_watched(&mut cargo, |line| {
        // Another test's output may stand before it on the line.
        let Some((_, json)) = line.split_once("figure ") else { return };
        if let Ok(Value::Object(figure)) = serde_json::from_str::<Value>(json) {
            figures.insert(figure["name"].as_str().unwrap_or_default().to_owned(), Value::Object(figure));
        }
    });
    let all_passed = result.is_ok();
    if let Err(error) = result {
        println!("the suite failed: {error:#}");
    }
    let row = |shown: &Shown| {
        let figure = figures.get(shown.name);
        Row {
            what: shown.what.into(),
            figure: figure.map_or_else(|| "no figure was printed".into(), sentence),
            held: all_passed && figure.is_some_and(shown.held),
        }
    };
    Ok(BY_TESTS.iter().map(row).collect())
}

fn measured(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (program, what) in [
        ("bench_verify", "native verification of an epoch is measured beside the bare hashing it needs"),
        ("bench_stratum", "accepted shares through Stratum are measured beside a line-echo server"),
    ] {
        let file = folder.join(program).with_extension("json");
        bench::measure(program, Some(&file))?;
        let figures = read(&file)?;
        let held = figures["rows"].as_array().is_some_and(|rows| rows.len() >= 2);
        rows.push(Row { what: what.into(), figure: sentence(&figures["summary"]), held });
    }
    Ok(rows)
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("no figures in {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// `{"kills":20,"forks":0}` as `kills 20, forks 0`.
fn sentence(figure: &Value) -> String {
    let Some(object) = figure.as_object() else { return figure.to_string() };
    let shown = object.iter().filter(|(name, _)| *name != "name" && *name != "held");
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shown.map(|(name, value)| format!("{} {}", name.replace('_', " "), word(value))).collect::<Vec<_>>().join(", ")
}
