//! `cargo xtask test`: every check, in order, up to the first that fails. Everything is built in the dev profile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::process::{self, run_watched};
use crate::setup::{self, Cluster, Variant};
use crate::{demo, paths};

mod counts;

pub(crate) use counts::Counts;

/// Sets up what is missing, runs every check, and prints how many tests passed.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut report = Report { counts: Counts::default(), step: 0, started: Instant::now() };
    let result = checks(&mut report);
    let seconds = report.started.elapsed().as_secs();
    let Counts { passed, failed } = report.counts;
    // A step that is no test (a lint, a build) counts as one failure, so that the line never reads as success.
    let failed = if result.is_err() { failed.max(1) } else { failed };
    println!("\n{passed} passed, {failed} failed ({seconds} s)");
    result
}

fn checks(report: &mut Report) -> anyhow::Result<()> {
    report.step("set-up", |_| setup::machine())?;
    report.step("format", |_| process::run(paths::cargo().args(["fmt", "--all", "--check"])))?;
    report.step("lints", |_| {
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        process::run(paths::cargo().args(clippy))
    })?;
    report.step("browser verifier", |_| setup::wasm())?;
    report.step("front end", front_end)?;
    report.step("programs", |_| process::run(paths::cargo().args(["build", "-p", "server", "-p", "auditor"])))?;
    let bitcoind = report.step("Bitcoin Core", |_| setup::bitcoind())?;
    report.step("Rust tests", |counts| rust_tests(&bitcoind, counts))?;
    for variant in Variant::ALL {
        let title = format!("browser verifier in Node, {}", variant.name());
        let environment = [("WASM_NODE", setup::wasm_for_node(variant).display().to_string())];
        report.step(&title, |counts| node_tests("tests/wasm", &environment, counts))?;
    }
    report.step("browser tests", browser_tests)
}

fn front_end(counts: &mut Counts) -> anyhow::Result<()> {
    let npm = |script: &str| {
        let mut npm = Command::new("npm");
        npm.args(["run", script]).current_dir(paths::frontend());
        npm
    };
    process::run(&mut npm("check"))?;
    setup::frontend()?;
    run_watched(&mut npm("test"), |line| counts.see_vitest(line))
}

/// Unit tests, integration tests and documentation tests, with a PostgreSQL cluster of their own.
fn rust_tests(bitcoind: &Path, counts: &mut Counts) -> anyhow::Result<()> {
    let mut cargo = paths::cargo();
    cargo.args(["test", "--workspace"]).env("BITCOIND", bitcoind);
    let given = std::env::var_os("DATABASE_URL").is_some();
    let cluster = if given { None } else { Some(Cluster::start()?) };
    if let Some(cluster) = &cluster {
        cargo.env("DATABASE_URL", cluster.url());
    }
    run_watched(&mut cargo, |line| counts.see_cargo(line))
}

fn node_tests(folder: &str, environment: &[(&str, String)], counts: &mut Counts) -> anyhow::Result<()> {
    let files = scripts(&paths::root().join(folder))?;
    let mut node = Command::new("node");
    node.current_dir(paths::root()).args(["--test", "--test-reporter=spec"]).args(files);
    node.envs(environment.iter().map(|(name, value)| (name, value)));
    run_watched(&mut node, |line| counts.see_node(line))
}

/// The pages in Chromium, against a demo with a rig on free ports.
fn browser_tests(counts: &mut Counts) -> anyhow::Result<()> {
    setup::browser_tests()?;
    let data = tempfile::tempdir()?;
    let demo = demo::Demo::start("debug", data.path(), 1, &demo::Addresses::FREE)?;
    let token = std::fs::read_to_string(demo.token_file()).context("the server left no operator token")?;
    let shots = paths::target().join("shots");
    std::fs::create_dir_all(&shots)?;
    let environment = [
        ("BASE_URL", demo.url()),
        ("OPERATOR_TOKEN", token.trim().to_owned()),
        ("CHROMIUM", setup::chromium()?.display().to_string()),
        ("SHOTS", shots.display().to_string()),
    ];
    node_tests("tests/browser", &environment, counts)
        .with_context(|| format!("the server's log said at its end:\n{}", end_of(&demo.log_file())))
}

/// The `.test.mjs` files of a folder, else all its `.mjs` files; an error if there are none: a skipped test is a failed test.
pub(crate) fn scripts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("no tests in {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "mjs"));
    if files.iter().any(|file| is_test(file)) {
        files.retain(|file| is_test(file));
    }
    files.sort();
    if files.is_empty() {
        bail!("no tests in {}", folder.display());
    }
    Ok(files)
}

fn is_test(file: &Path) -> bool {
    file.to_string_lossy().ends_with(".test.mjs")
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

struct Report {
    counts: Counts,
    step: u32,
    started: Instant,
}

impl Report {
    fn step<T>(&mut self, title: &str, check: impl FnOnce(&mut Counts) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.step += 1;
        println!("\n== {}. {title} ==", self.step);
        let started = Instant::now();
        let result = check(&mut self.counts).with_context(|| format!("step {} ({title})", self.step));
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        println!("-- {title}: {outcome}, {:.1} s", started.elapsed().as_secs_f32());
        result
    }
}
