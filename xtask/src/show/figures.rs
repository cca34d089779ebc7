//! Figures that tests and programs print, as rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::Row;
use crate::process::run_watched;
use crate::{paths, setup};

/// A row that a test proves: the figure's name as the test prints it, what it shows, and when it holds.
pub(super) struct Shown {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) held: fn(&Value) -> bool,
}

/// What tests printed as `figure {"name":…}` lines, and whether all of them passed.
pub(super) struct Figures {
    by_name: BTreeMap<String, Value>,
    all_passed: bool,
}

/// Runs these tests of the suite in release, so that the figures are those of the programs people run.
pub(super) fn of_suite(tests: &[&str]) -> anyhow::Result<Figures> {
    let cluster = setup::Cluster::start()?;
    let mut cargo = paths::cargo();
    // The packages of the release build, so that cargo finds every dependency built with the same features.
    cargo.args(["test", "--release", "-p", "server", "-p", "auditor", "-p", "tests"]);
    cargo.args(["--test", "suite", "--", "--nocapture"]).args(tests);
    cargo.env("BITCOIND", setup::bitcoind()?).env("DATABASE_URL", cluster.url());
    Ok(of(&mut cargo))
}

/// Runs tests that print figures.
pub(super) fn of(tests: &mut Command) -> Figures {
    let mut by_name = BTreeMap::new();
    let result = run_watched(tests, |line| {
        // Another test's output may stand before it on the line.
        let Some((_, json)) = line.split_once("figure ") else { return };
        if let Ok(Value::Object(figure)) = serde_json::from_str::<Value>(json) {
            by_name.insert(figure["name"].as_str().unwrap_or_default().to_owned(), Value::Object(figure));
        }
    });
    if let Err(error) = &result {
        println!("a test failed: {error:#}");
    }
    Figures { by_name, all_passed: result.is_ok() }
}

/// The rows that the figures show; none holds unless all tests passed.
pub(super) fn rows(shown: &[Shown], figures: &Figures) -> Vec<Row> {
    let row = |shown: &Shown| {
        let figure = figures.by_name.get(shown.name);
        Row {
            what: shown.what.into(),
            figure: figure.map_or_else(|| "no figure was printed".into(), sentence),
            held: figures.all_passed && figure.is_some_and(shown.held),
        }
    };
    shown.iter().map(row).collect()
}

/// A file of figures.
pub(super) fn read(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("no figures in {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// `{"kills":20,"forks":0}` as `kills 20, forks 0`.
pub(super) fn sentence(figure: &Value) -> String {
    let Some(object) = figure.as_object() else { return figure.to_string() };
    let shown = object.iter().filter(|(name, _)| *name != "name" && *name != "held");
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shown.map(|(name, value)| format!("{} {}", name.replace('_', " "), word(value))).collect::<Vec<_>>().join(", ")
}
