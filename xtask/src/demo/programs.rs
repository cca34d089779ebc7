//! The demo's processes: `provenhash demo` and its CPU rigs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::paths;
use crate::process::{Running, announce, spawn};

/// Where the demo listens.
pub(crate) struct Addresses {
    http: &'static str,
    stratum: &'static str,
}

impl Addresses {
    /// What the documents say.
    pub(crate) const WELL_KNOWN: Addresses = Addresses { http: "127.0.0.1:8080", stratum: "127.0.0.1:3333" };
    /// Whatever is free: for tests.
    pub(crate) const FREE: Addresses = Addresses { http: "127.0.0.1:0", stratum: "127.0.0.1:0" };
}

/// A running demo; everything ends when it is dropped.
pub(crate) struct Demo {
    // Rigs first, so that they don't see their server go.
    rigs: Vec<Running>,
    server: Running,
    // Held open: a server that writes to a closed pipe ends.
    _stdout: BufReader<ChildStdout>,
    data: PathBuf,
    http: String,
    pub(crate) stratum: String,
}

impl Demo {
    /// Starts the programs of `target/<profile>` on the folder `data` and returns when the server listens.
    pub(crate) fn start(profile: &str, data: &Path, rigs: u32, addresses: &Addresses) -> anyhow::Result<Demo> {
        fs::create_dir_all(data).with_context(|| format!("can't make {}", data.display()))?;
        let program = paths::target().join(profile).join("provenhash");
        let log = || File::options().create(true).append(true).open(data.join("program.log"));
        let mut command = Command::new(&program);
        command.args(["demo", "--listen", addresses.http, "--stratum", addresses.stratum, "--data"]).arg(data);
        announce(&command);
        let mut server = Running(spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log()?))?);
        let mut stdout = BufReader::new(server.0.stdout.take().expect("stdout is piped"));
        let (http, stratum) = listening(&mut stdout)
            .with_context(|| format!("the server did not start; its log is {}", data.join("program.log").display()))?;
        let mut demo = Demo { rigs: Vec::new(), server, _stdout: stdout, data: data.to_owned(), http, stratum };
        for number in 1..=rigs {
            let mut rig = Command::new(&program);
            rig.args(["rig", "--url", &format!("stratum+tcp://{}", demo.stratum), "--threads", "1"]);
            rig.args(["--user", &format!("demo.rig{number}")]);
            announce(&rig);
            demo.rigs.push(Running(spawn(rig.stdin(Stdio::null()).stdout(log()?).stderr(log()?))?));
        }
        Ok(demo)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.data.join("operator.token")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.data.join("program.log")
    }

    /// The name of a program that has ended, if one has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<&'static str>> {
        if self.server.0.try_wait()?.is_some() {
            return Ok(Some("the server"));
        }
        for rig in &mut self.rigs {
            if rig.0.try_wait()?.is_some() {
                return Ok(Some("a rig"));
            }
        }
        Ok(None)
    }
}

/// The addresses in the line that the server prints once it listens.
fn listening(stdout: &mut impl BufRead) -> anyhow::Result<(String, String)> {
    let mut line = String::new();
    loop {
        line.clear();
        if stdout.read_line(&mut line)? == 0 {
            bail!("it ended before it listened");
        }
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        if event["event"] == "listening" {
            return Ok((address(&event, "http")?, address(&event, "stratum")?));
        }
    }
}

fn address(event: &Value, name: &str) -> anyhow::Result<String> {
    let address = event[name].as_str().with_context(|| format!("the server announced no {name} address"))?;
    Ok(address.to_owned())
}
