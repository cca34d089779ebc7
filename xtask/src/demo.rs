//! `cargo xtask demo`: the whole system on this machine, for a person or, with `--headless`, for a machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::{interrupt, paths, process, setup};

mod programs;

pub(crate) use programs::{Addresses, Demo};

/// How the demo is run.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Play the buyer too: register, buy, pay, mine, verify, and exit 0 only if every check held
    #[arg(long, requires = "out")]
    headless: bool,
    /// When a headless demo has seen enough
    #[arg(long, requires = "headless", default_value = "settled")]
    until: Until,
    /// Where a headless demo leaves its data, the saved bundle and its figures; made anew
    #[arg(long, requires = "headless", value_name = "DIR")]
    out: Option<PathBuf>,
    /// How often a headless demo kills the server with SIGKILL at a random moment
    #[arg(long, requires = "headless", default_value_t = 0, value_name = "N")]
    kills: u32,
    /// Where an interactive demo keeps its data; the same folder again continues it
    #[arg(long, conflicts_with = "headless", value_name = "DIR", default_value = "target/demo")]
    data: PathBuf,
    /// How many CPU rigs mine, one thread each
    #[arg(long, conflicts_with = "headless", default_value_t = 2, value_name = "N")]
    rigs: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Until {
    /// A settlement that credits the bought contract is in the log
    Settled,
}

/// Builds everything in release and runs the demo.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    setup::frontend()?;
    build_release()?;
    match (&args.out, args.until) {
        (Some(out), Until::Settled) => headless(out, args.kills),
        (None, _) => interactive(args),
    }
}

/// The programs people run, and the tests' own, in release.
pub(crate) fn build_release() -> anyhow::Result<()> {
    process::run(paths::cargo().args(["build", "--release", "-p", "server", "-p", "auditor", "-p", "tests"]))
}

/// The headless demo: its player is a program of the `tests` package, beside the built server.
pub(crate) fn headless(out: &Path, kills: u32) -> anyhow::Result<()> {
    let mut player = Command::new(paths::target().join("release/headless_demo"));
    process::run(player.current_dir(paths::root()).arg("--out").arg(out).args(["--kills", &kills.to_string()]))
}

fn interactive(args: &DemoArgs) -> anyhow::Result<()> {
    let data = paths::root().join(&args.data);
    let mut demo = Demo::start("release", &data, args.rigs, &Addresses::WELL_KNOWN)?;
    println!(
        "\nProvenhash is running on {url}\n\n\
         \x20 pages            {url}/\n\
         \x20 HTTP interface   {url}/api/openapi.json\n\
         \x20 Stratum          stratum+tcp://{stratum}\n\
         \x20 operator token   {token}\n\
         \x20 program log      {log}\n\n\
         Register on the first page and buy a contract. Then pay its address, with a wallet that owns coins of the demo's chain:\n\
         \x20 {wallet} pay --data {data} --url {url} ADDRESS SATS\n\
         Verify everything from outside, with nothing but the public files:\n\
         \x20 {auditor} verify {url}\n\n\
         Ctrl-C stops everything; the same command continues it.",
        url = demo.url(),
        stratum = demo.stratum,
        token = demo.token_file().display(),
        log = demo.log_file().display(),
        data = data.display(),
        wallet = paths::target().join("release/demo_wallet").display(),
        auditor = paths::target().join("release/provenhash-audit").display(),
    );
    while !interrupt::requested() {
        if let Some(ended) = demo.ended()? {
            bail!("{ended} ended by itself; the program log is {}", demo.log_file().display());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("\nstopping");
    Ok(())
}
