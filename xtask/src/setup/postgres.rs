//! A throw-away PostgreSQL cluster for the tests.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::debian::is_root;
use crate::paths;
use crate::process::{Running, announce, ask, run_quietly, spawn};

/// A fresh cluster on a loopback port is ready in about a second.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// PostgreSQL refuses to run as root; Debian's package makes this user.
const USER: &str = "postgres";

/// A running cluster that ends, and whose files go, when this value is dropped.
pub(crate) struct Cluster {
    // Dropped in this order: first the program, then its files.
    _server: Running,
    _folder: TempDir,
    url: String,
}

impl Cluster {
    /// Makes and starts a cluster that trusts everybody on this machine's loopback and keeps nothing.
    pub(crate) fn start() -> anyhow::Result<Cluster> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("provenhash-postgres-").tempdir()?;
        let log = folder.path().join("log");
        if is_root() {
            give_to_user(folder.path())?;
        }
        let data = folder.path().join("data");
        let mut initdb = as_user(&programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=postgres", "--no-locale", "--encoding=UTF8", "--no-sync", "--pgdata"]);
        run_quietly(initdb.arg(&data), &log)?;
        let port = free_port()?;
        let mut server = as_user(&programs.join("postgres"));
        server.arg("-D").arg(&data).args(settings(port, folder.path()));
        announce(&server);
        let output = std::fs::File::create(&log)?;
        let server = Running(spawn(server.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output))?);
        let mut cluster = Cluster { _server: server, _folder: folder, url: url(port) };
        cluster.wait_until_ready(&programs, port, &log)?;
        Ok(cluster)
    }

    /// The connection string of a database in which tests may make databases of their own.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn wait_until_ready(&mut self, programs: &Path, port: u16, log: &Path) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut is_ready = Command::new(programs.join("pg_isready"));
        is_ready.args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")]);
        while ask(&mut is_ready).is_err() {
            if started.elapsed() > READY_WITHIN || self._server.0.try_wait()?.is_some() {
                bail!("PostgreSQL did not start: {}", std::fs::read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// The folder of `initdb`, `postgres` and `pg_isready`: Debian's newest, which is off the PATH, else the PATH's.
pub(crate) fn programs() -> anyhow::Result<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort_by_key(|bin| std::cmp::Reverse(bin.clone()));
    folders.extend(paths::on_path(&["initdb"]).and_then(|initdb| Some(initdb.parent()?.to_owned())));
    let complete = |bin: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|name| bin.join(name).is_file());
    let found = folders.into_iter().find(complete);
    found.context("no PostgreSQL: install the package postgresql, or set DATABASE_URL to a database to test with")
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

/// Nothing has to survive a crash of a test's database, so nothing waits for the disk.
fn settings(port: u16, sockets: &Path) -> Vec<String> {
    let sockets = format!("unix_socket_directories={}", sockets.display());
    let settings =
        ["listen_addresses=127.0.0.1", "fsync=off", "synchronous_commit=off", "max_connections=200", sockets.as_str()];
    let mut arguments: Vec<String> =
        settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
    arguments.extend(["-p".to_owned(), port.to_string()]);
    arguments
}

/// A command that runs as the database's user, and that ends with xtask even if xtask is killed.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--init-groups"]);
    }
    command.args(["--pdeathsig", "INT"]).arg(program);
    // The user must be able to enter the working directory; a checkout may be private.
    command.current_dir("/");
    command
}

fn give_to_user(folder: &Path) -> anyhow::Result<()> {
    let id = |kind: &str| -> anyhow::Result<u32> {
        let text =
            ask(Command::new("id").args([kind, USER])).context("there is no user postgres: install postgresql")?;
        Ok(text.parse()?)
    };
    chown(folder, Some(id("-u")?), Some(id("-g")?))
        .with_context(|| format!("can't give {} to {USER}", folder.display()))
}

/// A port that was free a moment ago. PostgreSQL can't choose one itself.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
