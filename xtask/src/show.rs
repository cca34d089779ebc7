//! `cargo xtask show`: a capability's demonstration, end to end, as rows with a figure each.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;

mod chain;
mod figures;
mod money;
mod pool;
mod proof;

/// Which capability is shown.
#[derive(Args)]
pub(crate) struct ShowArgs {
    #[command(subcommand)]
    capability: Capability,
    /// Also write the rows to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Capability {
    /// From a bought contract over mined shares to a settlement that an outsider verifies
    Chain,
    /// What is sold, paid, credited and paid out, on a real node, through kills and reorganisations; ledger and exports
    Money,
    /// What rigs and rental markets rely on: protocol, rules, lots, abuse, blocks, journal, operation; and what a share costs
    Pool,
    /// Every cheat found, natively, on the command line, in WebAssembly and by a second verifier; scale and speed
    Proof,
}

/// Runs the demonstration; an error unless every row held.
pub(crate) fn run(args: &ShowArgs) -> anyhow::Result<()> {
    let (name, rows) = match args.capability {
        Capability::Chain => ("chain", chain::show()?),
        Capability::Money => ("money", money::show()?),
        Capability::Pool => ("pool", pool::show()?),
        Capability::Proof => ("proof", proof::show()?),
    };
    print_table(&rows);
    if let Some(file) = &args.json {
        write(name, &rows, file)?;
    }
    let failed: Vec<&str> = rows.iter().filter(|row| !row.held).map(|row| row.what.as_str()).collect();
    if !failed.is_empty() {
        bail!("did not hold: {}", failed.join("; "));
    }
    println!("\nall {} held", rows.len());
    Ok(())
}

/// One thing that was shown.
pub(crate) struct Row {
    what: String,
    figure: String,
    held: bool,
}

fn print_table(rows: &[Row]) {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    println!();
    for row in rows {
        println!("{}  {:width$}  {}", if row.held { "held  " } else { "FAILED" }, row.what, row.figure);
    }
}

fn write(name: &str, rows: &[Row], file: &Path) -> anyhow::Result<()> {
    let rows: Vec<_> =
        rows.iter().map(|row| json!({ "what": row.what, "figure": row.figure, "held": row.held })).collect();
    let text = serde_json::to_string_pretty(&json!({ "show": name, "rows": rows }))?;
    std::fs::write(file, text + "\n").with_context(|| format!("can't write {}", file.display()))
}
