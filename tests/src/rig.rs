//! A CPU rig as a child process, with a record of what the pool acknowledged.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use audit_core::hash::BlockHash;
use tokio::process::{Child, Command};

use crate::programs;

/// A mining rig; it ends when this value is dropped.
pub struct Rig {
    child: Child,
    record: PathBuf,
}

impl Rig {
    /// Starts a one-thread rig that mines as `user` and appends each acknowledged header hash to a file in `folder`.
    pub fn start(stratum: SocketAddr, user: &str, folder: &Path) -> anyhow::Result<Rig> {
        let record = folder.join(format!("{user}.acknowledged"));
        let log = std::fs::File::create(folder.join(format!("{user}.log")))?;
        let mut command = Command::new(programs::provenhash()?);
        command.args(["rig", "--url", &format!("stratum+tcp://{stratum}"), "--user", user, "--threads", "1"]);
        command.arg("--record").arg(&record);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(Rig { child: command.spawn().context("can't start a rig")?, record })
    }

    /// Stops the rig. What it recorded stays.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// The header hashes of the shares that the pool said it accepted. The last line may be half written; it is left out.
    pub fn acknowledged(&self) -> anyhow::Result<Vec<BlockHash>> {
        let text = match std::fs::read_to_string(&self.record) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result?,
        };
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.parse().with_context(|| format!("no header hash: {line:?}"))).collect()
    }
}
