//! What tests prove and print, and what programs measure, as rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::Row;
use crate::process::run_watched;
use crate::{paths, setup};

/// A row that a figure proves: its name as the test prints it, what it shows, and when it holds.
pub(super) struct Shown {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) held: fn(&Value) -> bool,
}

/// A point that tests prove: what is shown, how the tests' names begin, and the figures they print.
pub(super) struct Proven {
    pub(super) what: &'static str,
    pub(super) tests: &'static [&'static str],
    pub(super) figures: &'static [&'static str],
}

/// What tests said: every test by its name, and what they printed as `figure {"name":…}` lines.
#[derive(Default)]
pub(super) struct Figures {
    by_name: BTreeMap<String, Value>,
    /// Whether each test passed.
    tests: BTreeMap<String, bool>,
    all_passed: bool,
}

/// Runs these tests of the suite in release, so that the figures are those of the programs people run.
pub(super) fn of_suite(tests: &[&str]) -> anyhow::Result<Figures> {
    // The packages of the release build, so that cargo finds every dependency built with the same features.
    of_tests(&["-p", "server", "-p", "auditor", "-p", "tests", "--test", "suite"], tests)
}

/// Runs tests in release, with PostgreSQL and Bitcoin Core: of `packages` (cargo's arguments) those named by `filters`.
pub(super) fn of_tests(packages: &[&str], filters: &[&str]) -> anyhow::Result<Figures> {
    let cluster = setup::Cluster::start()?;
    let mut cargo = paths::cargo();
    cargo.args(["test", "--release", "--no-fail-fast"]).args(packages);
    cargo.args(["--", "--show-output"]).args(filters);
    cargo.env("BITCOIND", setup::bitcoind()?).env("DATABASE_URL", cluster.url());
    Ok(of(&mut cargo))
}

/// Runs a command that tests or prints figures.
pub(super) fn of(command: &mut Command) -> Figures {
    let mut figures = Figures::default();
    let result = run_watched(command, |line| figures.see(line));
    if let Err(error) = &result {
        println!("a test failed: {error:#}");
    }
    figures.all_passed = result.is_ok();
    figures
}

impl Figures {
    fn see(&mut self, line: &str) {
        if let Some((_, json)) = line.split_once("figure ")
            && let Ok(Value::Object(figure)) = serde_json::from_str::<Value>(json)
        {
            self.by_name.insert(figure["name"].as_str().unwrap_or_default().to_owned(), Value::Object(figure));
        }
        let test = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "));
        if let Some((name, outcome)) = test {
            self.tests.insert(name.to_owned(), outcome == "ok");
        }
    }

    /// Takes in what other tests said.
    pub(super) fn and(mut self, other: Figures) -> Figures {
        self.by_name.extend(other.by_name);
        self.tests.extend(other.tests);
        self.all_passed &= other.all_passed;
        self
    }

    /// A row for each point. It holds when there are tests whose names begin as it says, and all of them passed; it shows
    /// their number and its figures.
    pub(super) fn proven(&self, points: &[Proven]) -> Vec<Row> {
        points.iter().map(|point| self.row_of(point)).collect()
    }

    fn row_of(&self, point: &Proven) -> Row {
        let is_named = |name: &str| point.tests.iter().any(|prefix| name.starts_with(prefix));
        let outcomes: Vec<bool> =
            self.tests.iter().filter(|(name, _)| is_named(name)).map(|(_, passed)| *passed).collect();
        let passed = outcomes.iter().filter(|passed| **passed).count();
        let figures = point.figures.iter().filter_map(|name| self.by_name.get(*name)).map(sentence);
        let counted = format!("{passed} of {} tests", outcomes.len());
        Row {
            what: point.what.into(),
            figure: [counted].into_iter().chain(figures).collect::<Vec<_>>().join("; "),
            held: passed > 0 && passed == outcomes.len(),
        }
    }
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
