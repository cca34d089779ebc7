//! Accepted shares through the Stratum port of a real `provenhash serve`, in a closed loop over loopback: each session
//! submits a share, waits for the answer, and submits the next.
//!
//! At the lowest level practically every hash is a share, so the sessions need not mine and the server is what is
//! measured. Baselines in the same run: a server that echoes lines to the same sessions, and hashing one share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use audit_core::hash::sha256d;
use clap::Parser;
use serde_json::json;
use tests::measure::{Row, cpu_time, report};
use tests::server::{Plan, Server};
use tests::stratum::{Lines, Session};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// Shares over Stratum.
#[derive(Parser)]
struct Args {
    /// Sessions at the same time
    #[arg(long, default_value_t = 64)]
    sessions: u32,
    /// How long each row is measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Be the line-echo server of the baseline
    #[arg(long, hide = true)]
    echo: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.echo {
        return echo().await;
    }
    let pool = measure_pool(&args).await?;
    let echo = measure_echo(&args).await?;
    let hash_us = hash_one_share();
    let rows = [
        Row { name: "accepted shares", value: pool.rate, unit: "shares/s" },
        Row { name: "latency, half are faster", value: pool.p50_us, unit: "us" },
        Row { name: "latency, 99 of 100 are faster", value: pool.p99_us, unit: "us" },
        Row { name: "server CPU for a share", value: pool.cpu_us, unit: "us" },
        Row { name: "rejected (above the target, or the job was over)", value: pool.rejected as f64, unit: "shares" },
        Row { name: "baseline: line-echo server", value: echo.rate, unit: "lines/s" },
        Row { name: "baseline: line-echo latency, half are faster", value: echo.p50_us, unit: "us" },
        Row { name: "baseline: line-echo latency, 99 of 100 are faster", value: echo.p99_us, unit: "us" },
        Row { name: "baseline: line-echo server CPU for a line", value: echo.cpu_us, unit: "us" },
        Row { name: "baseline: hashing one share", value: hash_us, unit: "us" },
    ];
    let summary = json!({
        "sessions": args.sessions,
        "shares_per_second": pool.rate.round(),
        "p99_us": pool.p99_us.round(),
        "cpu_us_per_share": format!("{:.1}", pool.cpu_us),
        "echo_lines_per_second": echo.rate.round(),
    });
    report("stratum", &rows, &summary, args.json.as_deref())
}

/// What one row of sessions saw.
struct Measured {
    rate: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
    rejected: usize,
}

async fn measure_pool(args: &Args) -> anyhow::Result<Measured> {
    let folder = tempfile::tempdir()?;
    // No vardiff and hardly a block: what is measured is the path of a share.
    let plan = ["--first-level=-32", "--min-level=-32", "--shares-per-minute=4000000000", "--epoch-ms=60000"];
    let plan = plan.iter().fold(Plan::embedded(folder.path()), |plan, flag| plan.with_flag(flag));
    let server = Server::start(plan.with_flag("--embedded-nbits=1d00ffff")).await?;
    measure(server.stratum(), server.pid()?, args, true).await
}

async fn measure_echo(args: &Args) -> anyhow::Result<Measured> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--echo").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child: Child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut line).await?;
    measure(line.trim().parse()?, child.id().context("the echo server ended")?, args, false).await
}

async fn measure(address: SocketAddr, pid: u32, args: &Args, is_pool: bool) -> anyhow::Result<Measured> {
    let mut sessions = Vec::new();
    for number in 0..args.sessions {
        sessions.push(Peer::open(address, number, is_pool).await?);
    }
    let (started, cpu_before) = (Instant::now(), cpu_time(pid)?);
    let end = started + Duration::from_secs(args.seconds);
    let mut tasks: JoinSet<anyhow::Result<(Vec<Duration>, usize)>> = JoinSet::new();
    for session in sessions {
        tasks.spawn(session.loop_until(end));
    }
    let (mut latencies, mut rejected) = (Vec::new(), 0);
    while let Some(result) = tasks.join_next().await {
        let (accepted, refused) = result??;
        latencies.extend(accepted);
        rejected += refused;
    }
    let (elapsed, cpu) = (started.elapsed(), cpu_time(pid)? - cpu_before);
    ensure!(!latencies.is_empty(), "no share was accepted");
    latencies.sort_unstable();
    let at = |part: usize| latencies[(latencies.len() - 1) * part / 100].as_secs_f64() * 1e6;
    Ok(Measured {
        rate: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50_us: at(50),
        p99_us: at(99),
        cpu_us: cpu.as_secs_f64() * 1e6 / (latencies.len() + rejected) as f64,
        rejected,
    })
}

/// Who is measured: a worker of the pool, or someone who sends lines of the same length to an echo server.
enum Peer {
    Worker(Session),
    Echoed(Lines),
}

impl Peer {
    async fn open(address: SocketAddr, number: u32, is_pool: bool) -> anyhow::Result<Peer> {
        if is_pool {
            return Ok(Peer::Worker(Session::open(address, &format!("bench.{number}")).await?));
        }
        Ok(Peer::Echoed(Lines::connect(address).await?))
    }

    /// One turn of the loop; whether it was accepted.
    async fn turn(&mut self) -> anyhow::Result<bool> {
        match self {
            Peer::Worker(session) => session.submit_next().await,
            Peer::Echoed(lines) => {
                let share = json!(["bench.00", "0".repeat(12), "0".repeat(16), "0".repeat(8), "0".repeat(8)]);
                lines.send(&json!({ "id": 3, "method": "mining.submit", "params": share })).await?;
                lines.receive().await.map(|_| true)
            }
        }
    }

    async fn loop_until(mut self, end: Instant) -> anyhow::Result<(Vec<Duration>, usize)> {
        let (mut latencies, mut rejected) = (Vec::new(), 0);
        while Instant::now() < end {
            let started = Instant::now();
            if self.turn().await? {
                latencies.push(started.elapsed());
            } else {
                rejected += 1;
            }
        }
        Ok((latencies, rejected))
    }
}

/// Sends each line back, on a port that it prints.
async fn echo() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if write.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Microseconds for the hashes of one share: a coinbase of 250 bytes, 12 branches, the header.
fn hash_one_share() -> f64 {
    const SHARES: u32 = 20_000;
    let started = Instant::now();
    for share in 0..SHARES {
        let mut coinbase = [0x5a; 250];
        coinbase[..4].copy_from_slice(&share.to_le_bytes());
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&sha256d(&coinbase));
        for _ in 0..12 {
            let hash = sha256d(&pair);
            pair[..32].copy_from_slice(&hash);
        }
        std::hint::black_box(sha256d(&[&pair[..], &[0; 16]].concat()));
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(SHARES)
}
