//! Bitcoin Core's `bitcoind`: found, or built once from the source that a crates.io package carries.
//!
//! The package `libbitcoinkernel-sys` contains the complete source in its folder `bitcoin/`, so a build needs nothing
//! but the crate registry and a C++ compiler. It has no wallet and no ZMQ; the tests need neither.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::debian;
use crate::paths;
use crate::process::{ask, run, run_quietly};

const PACKAGE: &str = "libbitcoinkernel-sys";
const PACKAGE_VERSION: &str = "0.4.1";
/// The version this source says it is, and the package it came in.
const CACHE_NAME: &str = "bitcoind-31.99-kernel-0.4.1";

/// The daemon and nothing else. The embedded ASMap must be off: its data is not in the package.
const CMAKE_OPTIONS: &[&str] = &[
    "-DCMAKE_BUILD_TYPE=None",
    "-DCMAKE_C_FLAGS=-O1 -g0",
    "-DCMAKE_CXX_FLAGS=-O1 -g0",
    "-DBUILD_DAEMON=ON",
    "-DENABLE_WALLET=OFF",
    "-DENABLE_IPC=OFF",
    "-DWITH_EMBEDDED_ASMAP=OFF",
    "-DWITH_ZMQ=OFF",
    "-DBUILD_CLI=OFF",
    "-DBUILD_TESTS=OFF",
    "-DBUILD_BENCH=OFF",
    "-DBUILD_TX=OFF",
    "-DBUILD_UTIL=OFF",
    "-DBUILD_BITCOIN_BIN=OFF",
];

/// `$BITCOIND`, else the PATH, else the cached build, which is made now if there is none (about ten minutes on two cores).
pub(crate) fn bitcoind() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("BITCOIND").map(PathBuf::from) {
        return if given.is_file() { Ok(given) } else { bail!("BITCOIND is {}, which is no file", given.display()) };
    }
    if let Some(found) = paths::on_path(&["bitcoind"]) {
        return Ok(found);
    }
    let cached = paths::cache()?.join(CACHE_NAME);
    let program = cached.join("bin/bitcoind");
    if !program.is_file() {
        build(&cached)?;
    }
    Ok(program)
}

/// Builds in a temporary folder beside `cached` and renames at the end, so a broken-off build leaves nothing that looks whole.
fn build(cached: &Path) -> anyhow::Result<()> {
    debian::install(debian::BITCOIN_CORE_BUILD)?;
    let cache = cached.parent().expect("a cached build is in the cache");
    fs::create_dir_all(cache).with_context(|| format!("can't make {}", cache.display()))?;
    let work = tempfile::Builder::new().prefix("bitcoind-build-").tempdir_in(cache)?;
    let source = source(work.path())?;
    let build = work.path().join("build");
    let log = work.path().join("log");
    println!("building bitcoind once, into {}", cached.display());
    run_quietly(Command::new("cmake").arg("-S").arg(source).arg("-B").arg(&build).args(CMAKE_OPTIONS), &log)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    run_quietly(
        Command::new("cmake").arg("--build").arg(&build).args(["--target", "bitcoind", "--parallel", &jobs]),
        &log,
    )?;
    keep(&build.join("bin/bitcoind"), work.path(), cached)
}

fn keep(program: &Path, work: &Path, cached: &Path) -> anyhow::Result<()> {
    println!("built {}", ask(Command::new(program).arg("--version"))?.lines().next().unwrap_or_default());
    let ready = work.join("ready");
    fs::create_dir_all(ready.join("bin"))?;
    fs::rename(program, ready.join("bin/bitcoind"))?;
    match fs::rename(&ready, cached) {
        // Another run finished the same build first: its result is as good.
        Err(_) if cached.join("bin/bitcoind").is_file() => Ok(()),
        result => result.with_context(|| format!("can't move the build to {}", cached.display())),
    }
}

/// Fetches the package through cargo, which checks its hash, and finds where cargo unpacked it.
fn source(work: &Path) -> anyhow::Result<PathBuf> {
    let manifest = work.join("fetch/Cargo.toml");
    fs::create_dir_all(work.join("fetch/src"))?;
    fs::write(work.join("fetch/src/lib.rs"), "")?;
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{PACKAGE} = \"={PACKAGE_VERSION}\"\n\n[workspace]\n"
        ),
    )?;
    run(paths::cargo().args(["fetch", "--manifest-path"]).arg(&manifest))?;
    let metadata = ask(paths::cargo().args(["metadata", "--format-version", "1", "--manifest-path"]).arg(&manifest))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let package = packages.iter().find(|package| package["name"] == PACKAGE).context("the package was not fetched")?;
    let manifest = package["manifest_path"].as_str().context("the package has no manifest path")?;
    let source = Path::new(manifest).parent().context("a manifest has a folder")?.join("bitcoin");
    if !source.join("CMakeLists.txt").is_file() {
        bail!("{PACKAGE} {PACKAGE_VERSION} carries no Bitcoin Core source in {}", source.display());
    }
    Ok(source)
}
