//! The verifier in every engine: the measuring is done by scripts in tests/browser/bench, which have Node and Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::{self, Variant};
use crate::{paths, process};

/// The program that hashes shares natively.
const NATIVE: &str = "hash_rate";

/// Hashing, in every engine on the same shares, interleaved. Builds what it needs.
pub(crate) fn hashing(json: Option<&PathBuf>) -> anyhow::Result<()> {
    setup::wasm()?;
    let native = build_native(&paths::target(), &[])?;
    // With its own target directory, since the program's name is the same.
    let portable = build_native(&paths::target().join("portable"), &["--features", "portable"])?;
    let mut node = script("verify.mjs", json)?;
    node.env("NATIVE", native).env("PORTABLE", portable);
    node.env("WASM_NODE", setup::wasm_for_node(Variant::Simd));
    node.env("WASM_NODE_SCALAR", setup::wasm_for_node(Variant::Scalar));
    process::run(&mut node)
}

/// A made day, verified exactly in Chromium: one line of JSON. The programs are built.
pub(crate) fn day(json: Option<&PathBuf>) -> anyhow::Result<()> {
    setup::wasm()?;
    let folder = tempfile::tempdir()?;
    process::run(Command::new(paths::target().join("release/make_day")).arg("--out").arg(folder.path()))?;
    process::run(script("day.mjs", json)?.env("DAY", folder.path()))
}

fn build_native(target: &Path, features: &[&str]) -> anyhow::Result<PathBuf> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--release", "--package", "share-hash", "--example", NATIVE]).args(features);
    process::run(cargo.arg("--target-dir").arg(target))?;
    Ok(target.join("release/examples").join(NATIVE))
}

fn script(name: &str, json: Option<&PathBuf>) -> anyhow::Result<Command> {
    setup::browser_tests()?;
    let mut node = Command::new("node");
    node.current_dir(paths::root()).arg(paths::root().join("tests/browser/bench").join(name));
    if let Some(file) = json {
        node.arg("--json").arg(std::path::absolute(file)?);
    }
    node.env("CHROMIUM", setup::chromium()?).env("WASM_WEB", setup::wasm_for_web());
    Ok(node)
}
