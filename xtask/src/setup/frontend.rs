//! The web pages: `npm run build` into frontend/build, which the server embeds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Context;

use crate::paths;
use crate::process::run;

/// What a build makes; everything else in frontend/ is its input.
const OUTPUTS: &[&str] = &["build", "node_modules", ".svelte-kit"];

/// Builds the pages if a source is newer than the last build.
pub(crate) fn build() -> anyhow::Result<()> {
    let newest = newest(&paths::frontend()).context("can't look through frontend/")?;
    let built = fs::metadata(stamp()).and_then(|stamp| stamp.modified()).ok();
    if paths::frontend().join("build").is_dir() && built.is_some_and(|built| built > newest) {
        return Ok(());
    }
    // The time is taken before the build: a source saved while it runs is newer.
    let started = SystemTime::now();
    run(Command::new("npm").current_dir(paths::frontend()).args(["run", "build"]))?;
    fs::create_dir_all(paths::target())?;
    File::create(stamp())?.set_modified(started).context("can't stamp the build of the pages")
}

fn stamp() -> PathBuf {
    paths::target().join("frontend-built")
}

/// The latest time of change of a file under `folder`.
fn newest(folder: &Path) -> std::io::Result<SystemTime> {
    let mut latest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if OUTPUTS.iter().any(|output| entry.file_name() == *output) {
            continue;
        }
        let changed =
            if entry.file_type()?.is_dir() { newest(&entry.path())? } else { entry.metadata()?.modified()? };
        latest = latest.max(changed);
    }
    Ok(latest)
}
