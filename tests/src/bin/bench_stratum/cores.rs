//! The server on one processor and the load on the others, so that neither takes the other's time.

use std::process::Command;

use anyhow::{Context, ensure};

/// Processors of this machine.
fn all() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processors for the load, after [`keep_one_free`].
pub(crate) fn for_clients() -> usize {
    all()
}

/// Moves this process off processor 0. With a single processor everything stays where it is.
pub(crate) fn keep_one_free() -> anyhow::Result<()> {
    let cores = all();
    if cores == 1 {
        return Ok(());
    }
    let pid = std::process::id().to_string();
    let output = Command::new("taskset").args(["-acp", &format!("1-{}", cores - 1), &pid]).output();
    let output = output.context("can't start taskset (Debian package util-linux)")?;
    ensure!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// What to put before a command line that is to run on processor 0.
pub(crate) const ON_THE_FREE_ONE: &[&str] = &["taskset", "-c", "0"];
