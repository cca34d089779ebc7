//! The demo without hands: a buyer buys, pays, watches and verifies on a real `provenhash demo`, as anybody could.
//!
//! Exits 0 only if every check of the auditor held for the site, for the saved folder and for its archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use serde_json::json;
use tests::api::Status;
use tests::auditor::{Audit, Report, write_policy};
use tests::bundle;
use tests::play::Buyer;
use tests::poll::{SOON, until};
use tests::random::Random;
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tests::wallet::Wallet;

/// Mining a hundred demo blocks takes about a minute on two cores; a loaded machine may take ten times as long.
const DEADLINE: Duration = Duration::from_secs(900);
const INTERVAL: Duration = Duration::from_secs(2);
const RIGS: u32 = 2;

/// Plays buyer and operator against `provenhash demo`.
#[derive(Parser)]
struct Args {
    /// Where data, bundle and figures are left; made anew
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How often the server is killed with SIGKILL on the way, at random moments
    #[arg(long, default_value_t = 0)]
    kills: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let started = Instant::now();
    make_anew(&args.out)?;
    let mut server = Server::start(Plan::demo(&args.out)).await?;
    println!("{}: listening, Stratum on {}", server.url(), server.stratum());
    let rigs = (1..=RIGS).map(|number| Rig::start(server.stratum(), &format!("demo.rig{number}"), &args.out));
    let _rigs: Vec<Rig> = rigs.collect::<anyhow::Result<_>>()?;
    let buyer = Buyer::paying_on_chain(&server, "buyer@example.org", &mut Wallet::demo()?).await?;
    let id = buyer.contract.contract_id.context("an active contract is in the log")?;
    println!("bought contract {id} for {} sats", buyer.contract.price_sats);
    let mut killer = Killer { left: args.kills, random: Random::printed("moments of kills") };
    watch(&mut server, &buyer, &mut killer, started).await?;
    while killer.left > 0 {
        killer.strike(&mut server).await?;
    }
    let report = verify(&server, &buyer, &args.out)?;
    write_figures(&args, &report, started.elapsed())?;
    println!(
        "all held after {} s; the evidence is in {}",
        started.elapsed().as_secs(),
        args.out.join("bundle").display()
    );
    Ok(())
}

/// An empty folder, in place of an earlier demo's if there is one.
fn make_anew(out: &Path) -> anyhow::Result<()> {
    let is_empty = !out.exists() || fs::read_dir(out)?.next().is_none();
    ensure!(is_empty || out.join("server.log").is_file(), "{} is not empty and no earlier demo's", out.display());
    if !is_empty {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))
}

/// Prints how the mining goes until a settlement has credited the contract.
async fn watch(server: &mut Server, buyer: &Buyer, killer: &mut Killer, started: Instant) -> anyhow::Result<()> {
    loop {
        if started.elapsed() > DEADLINE {
            bail!("no settlement after {} s; {}", DEADLINE.as_secs(), server.log_end());
        }
        // A kill before the first sealed share would show nothing.
        if killer.left > 0 && server.api().status().await?.shares_total > 0 {
            killer.strike(server).await?;
        } else {
            tokio::time::sleep(INTERVAL).await;
        }
        println!("{}", line(started.elapsed(), &server.api().status().await?));
        let contract = buyer.api.contract(&buyer.contract.id).await?;
        if contract.credited_sats > 0 {
            println!("the contract is credited {} sats for {} hashes", contract.credited_sats, contract.work.get());
            return Ok(());
        }
    }
}

fn line(elapsed: Duration, status: &Status) -> String {
    format!(
        "{:>4} s  epoch {:>3}  {:>7} shares  blocks {} found, {} matured  {} settlements",
        elapsed.as_secs(),
        status.epoch.unwrap_or_default(),
        status.shares_total,
        status.blocks.found,
        status.blocks.matured,
        status.settlements
    )
}

/// SIGKILL at random moments, each followed by a restart that must listen again.
struct Killer {
    left: u32,
    random: Random,
}

impl Killer {
    async fn strike(&mut self, server: &mut Server) -> anyhow::Result<()> {
        tokio::time::sleep(Duration::from_millis(self.random.below(10_000))).await;
        server.kill().await?;
        let killed = Instant::now();
        server.restart().await?;
        until("the killed server to be ready", SOON, async || Ok(server.api().status().await.ok())).await?;
        self.left -= 1;
        println!(
            "killed with SIGKILL; ready again after {} ms; {} kills to go",
            killed.elapsed().as_millis(),
            self.left
        );
        Ok(())
    }
}

/// The site, then the folder saved from it, then the folder's archive.
fn verify(server: &Server, buyer: &Buyer, out: &Path) -> anyhow::Result<Report> {
    let receipt = buyer.save_receipt(out)?;
    let bundle = out.join("bundle");
    let online = Audit::of(server.url())?.receipt(&receipt).save(&bundle).run()?;
    print_table("the site", &online.report);
    let online = online.held()?;
    bundle::pack(&bundle, &out.join("bundle.tar"))?;
    let vkey = bundle_vkey(&bundle)?;
    let policy = write_policy(out, &vkey)?;
    for source in ["bundle", "bundle.tar"] {
        let offline = Audit::of(out.join(source))?.policy(&policy).receipt(&receipt).run()?;
        print_table(source, &offline.report);
        let offline = offline.held()?;
        ensure!(offline.totals.work == online.totals.work, "{source} shows other work than the site");
    }
    Ok(online)
}

/// The key that the saved evidence names, so that the offline runs need no server.
fn bundle_vkey(bundle: &Path) -> anyhow::Result<String> {
    let policy = fs::read_to_string(bundle.join("log/policy")).context("the bundle names no log")?;
    let line = policy.lines().find_map(|line| line.strip_prefix("log ")).context("the policy names no log")?;
    Ok(line.split(' ').next().unwrap_or(line).to_owned())
}

fn print_table(source: &str, report: &Option<Report>) {
    println!("\n{source}");
    for check in report.iter().flat_map(|report| &report.checks) {
        println!("  {:<16} {:<15} {}", check.id, check.outcome, check.sentence);
    }
}

fn write_figures(args: &Args, report: &Report, elapsed: Duration) -> anyhow::Result<()> {
    let credited_sats = report.contract.as_ref().map_or(0, |contract| contract.credited_sats);
    let held = report.checks.iter().filter(|check| check.outcome == "held").count();
    let figures = json!({
        "held": report.held,
        "checks_held": held,
        "seconds": elapsed.as_secs(),
        "kills": args.kills,
        "epochs": report.totals.epochs,
        "shares": report.totals.shares,
        "work": report.totals.work,
        "blocks": report.totals.blocks,
        "reward_sats": report.totals.reward_sats,
        "credited_sats": credited_sats,
    });
    println!("\n{figures}");
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    fs::write(args.out.join("figures.json"), text).context("can't write the figures")
}
