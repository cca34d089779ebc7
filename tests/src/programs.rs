//! Where the programs under test are: beside the test executable, in the same build profile.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// The server, `provenhash`.
pub fn provenhash() -> anyhow::Result<PathBuf> {
    built("provenhash")
}

/// The auditor, `provenhash-audit`.
pub fn provenhash_audit() -> anyhow::Result<PathBuf> {
    built("provenhash-audit")
}

/// Bitcoin Core: `$BITCOIND`, else what `cargo xtask bitcoind` finds.
pub fn bitcoind() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("BITCOIND") {
        return Ok(given.into());
    }
    let mut xtask = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    xtask.args(["xtask", "bitcoind"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = xtask.output().context("can't start cargo xtask bitcoind")?;
    if !output.status.success() {
        bail!("no bitcoind: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().last().context("cargo xtask bitcoind printed nothing")?.into())
}

/// Test executables are in `target/<profile>/deps`, programs in `target/<profile>`.
fn built(name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("can't find this executable")?;
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.with_context(|| {
        let profile = if cfg!(debug_assertions) { "" } else { " --release" };
        format!("{name} is not built beside {}: run `cargo build{profile} -p server -p auditor`", this.display())
    })
}
