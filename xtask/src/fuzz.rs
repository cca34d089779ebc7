//! `cargo xtask fuzz`: searches for bytes that break a parser, with cargo-fuzz on a nightly compiler.
//!
//! Needs both only here: what was found is kept in `tests/corpora` and tried by the normal tests without them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::paths;
use crate::process::{ask, run, run_quietly};

/// Above these a parser keeps more than it should, or takes too long for a few kilobytes.
const MEMORY_MB: u32 = 1024;
const SECONDS_AN_INPUT: u32 = 10;

/// What to search, and how long.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// How long to search each target
    #[arg(long, value_name = "N")]
    seconds: u32,
    /// Only this target, as often as given; all by default
    #[arg(long, value_name = "T")]
    target: Vec<String>,
    /// Add to tests/corpora the fewest inputs that reach what was newly reached
    #[arg(long)]
    keep: bool,
}

/// Searches one target after the other; an error once all were searched, if any of them broke.
pub(crate) fn search_all(args: &FuzzArgs) -> anyhow::Result<()> {
    install()?;
    let known = targets()?;
    if let Some(unknown) = args.target.iter().find(|target| !known.contains(target)) {
        bail!("no target is called {unknown}: there are {}", known.join(", "));
    }
    let chosen = if args.target.is_empty() { &known } else { &args.target };
    let build = folder("logs")?.join("build");
    run_quietly(&mut fuzz("build", &[]), &build)?;
    let mut broken = Vec::new();
    for (number, target) in chosen.iter().enumerate() {
        println!("[{}/{}] {target}, {} s", number + 1, chosen.len(), args.seconds);
        if let Err(error) = search(target, args) {
            println!("  BROKEN: {error:#}");
            broken.push(target.as_str());
        }
    }
    if !broken.is_empty() {
        bail!(
            "broken: {}. Inputs are in {}; copy them to tests/corpora/<target>, where the tests try them, and mend the parser",
            broken.join(", "),
            folder("crashes")?.display()
        );
    }
    println!("{} targets searched for {} s each, nothing broke", chosen.len(), args.seconds);
    Ok(())
}

/// Both tools, installed unless they are there.
fn install() -> anyhow::Result<()> {
    if ask(Command::new("rustc").args(["+nightly", "--version"])).is_err() {
        run(Command::new("rustup").args(["toolchain", "install", "nightly", "--profile", "minimal"]))
            .context("fuzzing needs a nightly compiler: run `rustup toolchain install nightly`")?;
    }
    if ask(Command::new("cargo").args(["fuzz", "--version"])).is_err() {
        run(paths::cargo().args(["install", "cargo-fuzz", "--locked"]))
            .context("fuzzing needs cargo-fuzz: run `cargo install cargo-fuzz --locked`")?;
    }
    Ok(())
}

/// The names of all targets, as their files name them.
fn targets() -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(paths::root().join("fuzz/fuzz_targets")).context("no fuzzing targets")?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Searches one target; the kept corpus is where it starts from, what it adds goes to the target folder.
fn search(target: &str, args: &FuzzArgs) -> anyhow::Result<()> {
    let (found, kept) = (folder("corpus")?.join(target), corpus(target));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&kept)?;
    let crashes = format!("{}/{target}-", folder("crashes")?.display());
    let log = folder("logs")?.join(target);
    let words = [
        target.to_owned(),
        found.display().to_string(),
        kept.display().to_string(),
        "--".into(),
        format!("-max_total_time={}", args.seconds),
        format!("-rss_limit_mb={MEMORY_MB}"),
        format!("-timeout={SECONDS_AN_INPUT}"),
        format!("-artifact_prefix={crashes}"),
        "-print_final_stats=1".into(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run_quietly(&mut fuzz("run", &words), &log)?;
    println!("  {}", summary(&log)?);
    if args.keep {
        // libFuzzer copies to the first folder what the second adds to it, and nothing else.
        let words = [target, &kept.display().to_string(), &found.display().to_string(), "--", "-merge=1"];
        run_quietly(&mut fuzz("run", &words), &folder("logs")?.join(format!("{target}-merge")))?;
    }
    Ok(())
}

/// What libFuzzer says at its end: runs, and the edges and features that its corpus reaches.
fn summary(log: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    let runs = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let last = text.lines().rev().find_map(|line| line.split_once("cov: ").map(|(_, rest)| rest));
    let reached = last.map(|rest| rest.split(" lim:").next().unwrap_or(rest).split(" corp:").next().unwrap_or(rest));
    Ok(format!("{} inputs, edges {}", runs.unwrap_or("?").trim(), reached.unwrap_or("?").trim()))
}

fn corpus(target: &str) -> PathBuf {
    paths::root().join("tests/corpora").join(target)
}

/// A folder for what fuzzing makes.
fn folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder = paths::target().join("fuzz").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    Ok(folder)
}

/// cargo-fuzz in the checkout's own folder and on nightly, whatever toolchain runs this xtask.
fn fuzz(command: &str, words: &[&str]) -> Command {
    let mut cargo = paths::cargo();
    cargo.env_remove("CARGO").env("RUSTUP_TOOLCHAIN", "nightly");
    cargo.args(["fuzz", command, "--fuzz-dir", "fuzz", "--target-dir"]).arg(paths::target().join("fuzz/build"));
    cargo.args(words);
    cargo
}
