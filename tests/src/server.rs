//! `provenhash serve` as a child process that can be killed and started again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::api::Api;
use crate::poll::SOON;
use crate::{programs, signal};

/// The name of the offer that every test's server has.
pub const OFFER: &str = "test offer";

/// Settings under which a hundred blocks mature within seconds of CPU mining.
///
/// A block is 2¹⁸ expected hashes and a share 2¹⁶, so a rig of a few MH/s finds ten blocks and forty shares a second.
const FAST: &[&str] = &[
    "--epoch-ms=2000",
    "--grace-ms=500",
    "--address-hold-hours=0",
    "--first-level=-16",
    "--min-level=-20",
    "--shares-per-minute=1200",
    "--capacity-hs=1000000",
    "--liabilities-ms=4000",
];
const EMBEDDED: &[&str] = &["--node=embedded", "--embedded-nbits=1e3fffff"];

/// How a server is started; the same plan again continues where it was.
#[derive(Clone)]
pub struct Plan {
    folder: PathBuf,
    /// What the server is started by, such as `taskset -c 0`.
    wrapper: &'static [&'static str],
    command: &'static str,
    flags: Vec<String>,
    http: SocketAddr,
    stratum: SocketAddr,
}

/// A running server; it is killed when this value is dropped.
pub struct Server {
    child: Child,
    plan: Plan,
    // Held open: a server that writes to a closed pipe ends.
    _stdout: BufReader<ChildStdout>,
}

/// What `provenhash admin check` says.
#[derive(Debug)]
pub struct Books {
    /// Whether everything agrees.
    pub held: bool,
    /// One line for each comparison.
    pub said: String,
}

impl Plan {
    /// The embedded chain and SQLite in `folder`.
    pub fn embedded(folder: &Path) -> Plan {
        Plan::new(folder, EMBEDDED.iter().map(|flag| (*flag).to_owned()).collect())
    }

    /// `provenhash demo` as people run it.
    pub fn demo(folder: &Path) -> Plan {
        Plan { command: "demo", flags: Vec::new(), ..Plan::embedded(folder) }
    }

    /// Bitcoin Core on `network`, by RPC at `url`, paid to `address`.
    pub fn bitcoin_core(folder: &Path, network: &str, url: &str, address: &str) -> Plan {
        let flags = [("node", url), ("network", network), ("payout-address", address)];
        Plan::new(folder, flags.map(|(name, value)| format!("--{name}={value}")).into())
    }

    /// The same with a PostgreSQL database.
    pub fn with_database(self, url: &str) -> Plan {
        self.with_flag(&format!("--database-url={url}"))
    }

    /// The same with one more flag, `--name=value`; it takes the place of an earlier one of that name.
    pub fn with_flag(mut self, flag: &str) -> Plan {
        let name = flag.split('=').next().unwrap_or(flag);
        self.flags.retain(|present| present.split('=').next() != Some(name));
        self.flags.push(flag.to_owned());
        self
    }

    /// The same, started by another program that becomes the server.
    pub fn under(self, wrapper: &'static [&'static str]) -> Plan {
        Plan { wrapper, ..self }
    }

    /// Where the server keeps its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn new(folder: &Path, node: Vec<String>) -> Plan {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let fast = FAST.iter().map(|flag| (*flag).to_owned());
        let offer = std::iter::once(format!("--sample-offer={OFFER}"));
        let flags = node.into_iter().chain(fast).chain(offer).collect();
        Plan { folder: folder.to_owned(), wrapper: &[], command: "serve", flags, http: any, stratum: any }
    }
}

impl Server {
    /// Starts a server and returns when it listens.
    pub async fn start(mut plan: Plan) -> anyhow::Result<Server> {
        let log = File::options().create(true).append(true).open(plan.folder.join("server.log"))?;
        let mut program: Vec<OsString> = plan.wrapper.iter().map(OsString::from).collect();
        program.push(programs::provenhash()?.into());
        let mut command = Command::new(&program[0]);
        command.args(&program[1..]).arg(plan.command).arg("--data").arg(plan.data()).args(&plan.flags);
        command.args([format!("--listen={}", plan.http), format!("--stratum={}", plan.stratum)]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().context("can't start provenhash serve")?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let listening =
            tokio::time::timeout(SOON, listening(&mut stdout)).await.context("the server did not listen in time");
        let addresses = listening.and_then(|result| result).with_context(|| end_of(&plan.folder.join("server.log")))?;
        (plan.http, plan.stratum) = (addresses.http, addresses.stratum);
        Ok(Server { child, plan, _stdout: stdout })
    }

    /// Kills the process with SIGKILL, at whatever it is doing.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks the server to end and waits until it has; an error if it does not end by itself with success.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.terminate()?;
        let status =
            tokio::time::timeout(SOON, self.child.wait()).await.context("the server did not stop on SIGTERM")??;
        if !status.success() {
            bail!("the server stopped with {status}: {}", self.log_end());
        }
        Ok(())
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&self) -> anyhow::Result<()> {
        signal::terminate(self.pid()?)
    }

    /// Waits until the server has ended by itself.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(tokio::time::timeout(SOON, self.child.wait()).await.context("the server did not end")??)
    }

    /// The same server again: same folder, same ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        *self = Server::start(self.plan.clone()).await?;
        Ok(())
    }

    /// The same with one more flag, which takes the place of an earlier one of that name.
    pub async fn restart_with(&mut self, flag: &str) -> anyhow::Result<()> {
        self.plan = self.plan.clone().with_flag(flag);
        self.restart().await
    }

    /// The HTTP interface, nobody signed in.
    pub fn api(&self) -> Api {
        Api::new(self.url())
    }

    /// The HTTP interface as its operator.
    pub fn operator(&self) -> anyhow::Result<Api> {
        let token = fs::read_to_string(self.plan.data().join("operator.token")).context("no operator token")?;
        Ok(self.api().with_token(token.trim()))
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.plan.http)
    }

    /// Where rigs connect.
    pub fn stratum(&self) -> SocketAddr {
        self.plan.stratum
    }

    /// Where the pages, the API and the evidence are.
    pub fn http(&self) -> SocketAddr {
        self.plan.http
    }

    /// The folder of the log key, the journals and the evidence.
    pub fn data(&self) -> PathBuf {
        self.plan.data()
    }

    /// The process id.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Runs `provenhash admin check` on this server's data, whether it runs or not.
    pub fn check_books(&self) -> anyhow::Result<Books> {
        let mut command = std::process::Command::new(programs::provenhash()?);
        command.args(["admin", "--data"]).arg(self.plan.data()).arg("check");
        command.args(self.plan.flags.iter().filter(|flag| flag.starts_with("--database-url=")));
        let output = command.output().context("can't start provenhash admin check")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Books { held: output.status.success(), said: said + &complaint })
    }

    /// The program's log, of earlier runs in the same folder too.
    pub fn log(&self) -> String {
        fs::read_to_string(self.plan.folder.join("server.log")).unwrap_or_default()
    }

    /// The last lines of the program's log.
    pub fn log_end(&self) -> String {
        end_of(&self.plan.folder.join("server.log"))
    }
}

#[derive(Deserialize)]
struct Listening {
    http: SocketAddr,
    stratum: SocketAddr,
}

/// Reads up to the line that says where the server listens.
async fn listening(stdout: &mut BufReader<ChildStdout>) -> anyhow::Result<Listening> {
    let mut line = String::new();
    while stdout.read_line(&mut line).await? > 0 {
        if line.contains(r#""event":"listening""#) {
            return serde_json::from_str(&line).with_context(|| format!("not understood: {line}"));
        }
        line.clear();
    }
    bail!("the server ended before it listened")
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("the server's log ends with:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
}
