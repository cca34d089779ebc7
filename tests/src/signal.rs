//! Asking a process to end.

use std::process::Command;

use anyhow::{Context, bail};

/// Sends SIGTERM. The standard library can only send SIGKILL, hence the program `kill`.
pub fn terminate(pid: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-TERM", &pid.to_string()]).status().context("can't start kill")?;
    if !status.success() {
        bail!("kill -TERM {pid}: {status}");
    }
    Ok(())
}
