//! The demonstration of the pool: a Stratum server that rigs and rental markets rely on.

use std::path::Path;

use serde_json::Value;

use super::Row;
use super::figures::{self, Figures, Proven, read};
use crate::{bench, demo, paths, setup};

const PROVEN: &[Proven] = &[
    Proven {
        what: "the protocol as firmware and markets use it, plain and over TLS, on farm and rental listeners",
        tests: &[
            "protocol::",
            "handshake::",
            "resume::",
            "profiles::",
            "tls::",
            "stratum::",
            "subscriptions::",
            "listener::",
        ],
        figures: &[],
    },
    Proven {
        what: "shares are judged at their job's level, duplicates by header; vardiff is calm for the steady and quick for a jump",
        tests: &["rejects::", "duplicates::", "vardiff::", "session::"],
        figures: &[],
    },
    Proven {
        what: "logins belong to lots with secrets, and each lot's legs are counted",
        tests: &["lots::", "worker::"],
        figures: &[],
    },
    Proven { what: "strangers are bounded and slow nobody down", tests: &["hostile::", "abuse::"], figures: &[] },
    Proven {
        what: "found blocks reach every node, whatever is down, slow or on a fork, and survive a kill",
        tests: &["blocks::", "several_nodes::", "node_down::", "bitcoind::"],
        figures: &["bitcoin_core"],
    },
    Proven {
        what: "the journal is cut anywhere and goes on; what can't be written is not acknowledged",
        tests: &["journal::", "epochs::", "live_epoch::", "pool::"],
        figures: &[],
    },
    Proven {
        what: "SIGTERM drains, kill -9 loses nothing that was acknowledged, logs are silent for shares",
        tests: &["operation::", "kill::"],
        figures: &["kills"],
    },
    Proven {
        what: "what markets and firmware say first is answered to the letter; a long run leaks nothing",
        tests: &["handshakes::", "soak::"],
        figures: &["soak"],
    },
];

/// Tests with real processes.
const SUITE: &[&str] = &["bitcoind::", "operation::", "kill::", "soak::", "hostile::"];

/// Everything of the demonstration, in order.
pub(crate) fn show() -> anyhow::Result<Vec<Row>> {
    setup::machine()?;
    setup::frontend()?;
    demo::build_release()?;
    let mut rows = of_the_pool().and(figures::of_suite(SUITE)?).proven(PROVEN);
    rows.extend(costs()?);
    Ok(rows)
}

/// The pool's own tests.
fn of_the_pool() -> Figures {
    let mut cargo = paths::cargo();
    cargo.args(["test", "--release", "--no-fail-fast", "-p", "pool-core"]);
    figures::of(&mut cargo)
}

/// What shares, sessions and new tips cost, each as part of the floor of the same run.
fn costs() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("stratum.json");
    bench::measure("bench_stratum", Some(&file))?;
    goals(&file)
}

fn goals(file: &Path) -> anyhow::Result<Vec<Row>> {
    let summary = read(file)?["summary"].take();
    let mut rows: Vec<Row> = list(&summary, "shares").flat_map(of_shares).collect();
    rows.extend(list(&summary, "tips").map(|tips| {
        let (last, floor) = (number(tips, "last_ms"), number(tips, "floor_last_ms"));
        let (ratio, least) = (number(tips, "of_floor"), number(tips, "of_floor_least"));
        Row {
            what: format!(
                "{} sessions: new tip to the last job in 1.3 times one buffer to every socket",
                tips["sessions"]
            ),
            figure: format!("{last:.1} ms, {ratio:.2} times {floor:.1} ms; least disturbed tips {least:.2} times"),
            held: ratio > 0.0 && ratio <= 1.3,
        }
    }));
    let (idle, bytes) = (&summary["idle_sessions"], number(&summary, "idle_bytes_a_session"));
    rows.push(Row {
        what: format!("{idle} idle sessions take 4 KiB each at most"),
        figure: format!("{bytes:.0} bytes"),
        held: bytes > 0.0 && bytes <= 4_096.0,
    });
    let (acknowledged, missing) = (number(&summary, "killed_acknowledged"), number(&summary, "killed_missing"));
    rows.push(Row {
        what: "kill -9 under full load: every acknowledged share is in the evidence".into(),
        figure: format!("{missing} of {acknowledged} missing"),
        held: acknowledged > 0.0 && missing == 0.0,
    });
    Ok(rows)
}

fn of_shares(shares: &Value) -> [Row; 2] {
    let sessions = &shares["sessions"];
    let (cpu, ratio, least) = (number(shares, "cpu_us"), number(shares, "of_floor"), number(shares, "of_floor_least"));
    let milliseconds = |name| number(shares, name) / 1e3;
    let (p99, p99_median) = (milliseconds("p99_us_at_half"), milliseconds("p99_us_at_half_median"));
    let (echo, echo_median) = (milliseconds("echo_p99_us_at_half"), milliseconds("echo_p99_us_at_half_median"));
    let (closed, open) = (&shares["shares_per_second"], &shares["open_ceiling"]);
    [
        Row {
            what: format!("{sessions} sessions: a share costs 1.2 times an echoed line and its hashing at most"),
            figure: format!(
                "{cpu:.1} us, {ratio:.2} times, least disturbed seconds {least:.2}; {closed} shares/s in a closed loop, \
                 {open} in an open one"
            ),
            held: ratio > 0.0 && ratio <= 1.2,
        },
        Row {
            what: format!("{sessions} sessions: 99 of 100 are answered within 3 ms at half of that"),
            figure: format!("{p99:.1} ms, median second {p99_median:.1}; echoed lines {echo:.1} and {echo_median:.1}"),
            held: p99 > 0.0 && p99 <= 3.0,
        },
    ]
}

fn list<'a>(summary: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    summary[name].as_array().into_iter().flatten()
}

fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().unwrap_or_default()
}
