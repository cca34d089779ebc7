//! The demonstration of the chain: bought, mined, sealed, settled, verified, and attacked.

use std::path::Path;
use std::time::Instant;

use super::Row;
use super::figures::{self, Shown, read, sentence};
use crate::{bench, demo, setup};

/// What the suite's tests print as `figure {"name":…}` lines.
const BY_TESTS: &[Shown] = &[
    Shown {
        name: "flips",
        what: "every changed byte, cut and addition in a bundle is caught, with a check and a place",
        held: |figure| figure["caught"] == figure["tried"] && figure["tried"].as_u64() >= Some(500),
    },
    Shown {
        name: "kills",
        what: "kill -9 of the server loses no acknowledged share and never forks the log",
        held: |figure| figure["kills"].as_u64() >= Some(20) && figure["missing_shares"] == 0 && figure["forks"] == 0,
    },
    Shown {
        name: "cross_epoch_share",
        what: "a share moved to another epoch is refused, even if the operator signs the forged log",
        held: |figure| figure["refused"] == true,
    },
    Shown {
        name: "changed_allocation",
        what: "an allocation changed after the work is refused, even if the operator signs the forged log",
        held: |figure| figure["refused"] == true,
    },
    Shown {
        name: "hostile",
        what: "malformed Stratum and HTTP leave the server mining",
        held: |figure| figure["survived"] == figure["tried"] && figure["tried"].as_u64() > Some(0),
    },
    Shown {
        name: "bitcoin_core",
        what: "Bitcoin Core accepts the blocks found through the Stratum port, on regtest and a private signet",
        held: |figure| figure["regtest_blocks"].as_u64() > Some(0) && figure["signet_blocks"].as_u64() > Some(0),
    },
];

/// The tests that print those figures.
const TESTS: &[&str] = &["flips::", "kill::", "forgeries::", "hostile::", "bitcoind::"];

/// Everything of the demonstration, in order.
pub(crate) fn show() -> anyhow::Result<Vec<Row>> {
    setup::machine()?;
    setup::frontend()?;
    demo::build_release()?;
    let folder = tempfile::tempdir()?;
    let mut rows = played(folder.path())?;
    rows.extend(figures::rows(BY_TESTS, &figures::of_suite(TESTS)?));
    rows.extend(measured(folder.path())?);
    Ok(rows)
}

/// The headless demo: its buyer pays on the embedded chain, and everything is verified.
pub(super) fn played(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let started = Instant::now();
    let out = folder.join("demo");
    let result = demo::headless(&out, 0);
    let seconds = started.elapsed().as_secs();
    let mut rows = vec![Row {
        what: "bought, paid, mined, settled and verified from outside, without a hand on it".into(),
        figure: format!("{seconds} s"),
        held: result.is_ok(),
    }];
    if let Err(error) = result {
        println!("the demo failed: {error:#}");
        return Ok(rows);
    }
    let figures = read(&out.join("figures.json"))?;
    rows.push(Row {
        what: "every check of the verifier held, for the URL, the folder and the tar".into(),
        figure: sentence(&figures),
        held: figures["held"] == true,
    });
    Ok(rows)
}

fn measured(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (program, what) in [
        ("bench_verify", "native verification of an epoch is measured beside the bare hashing it needs"),
        ("bench_stratum", "accepted shares through Stratum are measured beside a line-echo server"),
    ] {
        let file = folder.join(program).with_extension("json");
        bench::measure(program, Some(&file))?;
        let figures = read(&file)?;
        let held = figures["rows"].as_array().is_some_and(|rows| rows.len() >= 2);
        rows.push(Row { what: what.into(), figure: sentence(&figures["summary"]), held });
    }
    Ok(rows)
}
