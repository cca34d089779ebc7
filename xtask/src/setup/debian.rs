//! Packages from Debian (and what derives from it).

use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::paths;
use crate::process::{ask, run};

/// A Debian package and how to see, on any system, that what it brings is there.
pub(crate) struct Package {
    name: &'static str,
    present: fn() -> bool,
}

/// What tests and pages need to run.
pub(crate) const PROGRAMS: &[Package] = &[
    Package { name: "chromium", present: || super::chromium().is_ok() },
    // Runs the independent verifier of `tests/independent`.
    Package { name: "python3", present: || program("python3") },
    Package { name: "postgresql", present: || super::postgres::programs().is_ok() },
];

/// What a build of Bitcoin Core needs on top of that.
pub(crate) const BITCOIN_CORE_BUILD: &[Package] = &[
    Package { name: "cmake", present: || program("cmake") },
    Package { name: "make", present: || program("make") },
    Package { name: "g++", present: || program("g++") },
    Package { name: "pkg-config", present: || program("pkg-config") },
    Package { name: "libboost-dev", present: || header("boost/version.hpp") || installed("libboost-dev") },
    Package { name: "libevent-dev", present: || header("event2/event.h") || installed("libevent-dev") },
    Package { name: "libsqlite3-dev", present: || header("sqlite3.h") || installed("libsqlite3-dev") },
];

/// Installs the packages that are missing; an error with the exact line to run if that needs another user.
pub(crate) fn install(packages: &[Package]) -> anyhow::Result<()> {
    let missing: Vec<&str> =
        packages.iter().filter(|package| !(package.present)()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if paths::on_path(&["apt-get"]).is_none() {
        bail!("missing: {}. Install what your system calls these Debian packages", missing.join(", "));
    }
    let Some(prefix) = root_prefix() else {
        bail!("missing: {}. Run: sudo apt-get update && sudo {line}", missing.join(", "));
    };
    apt_get(prefix, &["update"])?;
    apt_get(prefix, &[&["install", "--yes", "--no-install-recommends"], missing.as_slice()].concat())
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    ask(Command::new("id").arg("-u")).is_ok_and(|uid| uid == "0")
}

/// What to put before a command so that it runs as root, if that is possible without a password.
fn root_prefix() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    let sudo = ask(Command::new("sudo").args(["-n", "true"]));
    sudo.is_ok().then_some(&["sudo", "-n"])
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> anyhow::Result<()> {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"], arguments].concat();
    run(Command::new(words[0]).args(&words[1..]))
}

fn program(name: &str) -> bool {
    paths::on_path(&[name]).is_some()
}

fn header(name: &str) -> bool {
    ["/usr/include", "/usr/local/include"].iter().any(|folder| Path::new(folder).join(name).is_file())
}

/// Headers may also lie in an architecture's folder; Debian knows.
fn installed(package: &str) -> bool {
    ask(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}
