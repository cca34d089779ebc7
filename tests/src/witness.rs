//! `provenhash-audit witness` as a child process that can be killed and started again, and `provenhash-audit watch`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::programs;

/// A witness; killed when dropped.
pub struct Witness {
    folder: PathBuf,
    log: String,
    address: String,
    running: Option<(Child, BufReader<ChildStdout>)>,
}

#[derive(Deserialize)]
struct Listening {
    http: String,
}

/// How a watch ended.
pub struct Watched {
    pub code: i32,
    pub said: String,
}

impl Witness {
    /// Starts a witness of the log with this verifier key.
    pub fn start(folder: &Path, log: &str) -> anyhow::Result<Witness> {
        let (folder, log, address) = (folder.to_owned(), log.to_owned(), "127.0.0.1:0".to_owned());
        let mut witness = Witness { folder, log, address, running: None };
        witness.restart()?;
        Ok(witness)
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some((mut child, _)) = self.running.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again with its state, on the same port.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        let mut command = Command::new(programs::provenhash_audit()?);
        command.args(["witness", "--listen", &self.address, "--log", &self.log]).arg("--state").arg(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("can't start a witness")?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let listening: Listening = serde_json::from_str(&line).with_context(|| format!("no witness: {line:?}"))?;
        self.address = listening.http;
        self.running = Some((child, stdout));
        Ok(())
    }

    /// Its submission and monitoring prefix.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its verifier key.
    pub fn vkey(&self) -> anyhow::Result<String> {
        let mut command = Command::new(programs::provenhash_audit()?);
        let output = command.args(["witness", "--show-key", "--state"]).arg(&self.folder).output()?;
        if !output.status.success() {
            bail!("no key: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // The test is over; a process that is gone already is as good.
        let _ = self.kill();
    }
}

/// Runs `provenhash-audit watch` to its end.
pub fn watch(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> anyhow::Result<Watched> {
    let output = Command::new(programs::provenhash_audit()?).arg("watch").args(arguments).output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Watched { code: output.status.code().with_context(|| format!("ended by a signal: {said}"))?, said })
}
