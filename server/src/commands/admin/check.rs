//! `provenhash admin check`: says on stdout what of the book was compared with what, and the first difference of each.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::books::{self, Comparison};
use crate::config;
use crate::db::Database;
use crate::evidence::EvidenceStore;

/// How often a difference is looked at, and after how long again.
const ATTEMPTS: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// Which database.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// postgres://… for PostgreSQL; without it SQLite inside the data folder
    #[arg(long, value_name = "URL", env = "PROVENHASH_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

pub(super) async fn run(data: &Path, args: &CheckArgs) -> Result<ExitCode> {
    let store = EvidenceStore::new(data);
    let checkpoint = data.join("log/checkpoint");
    let note = std::fs::read_to_string(&checkpoint)
        .with_context(|| format!("reading {}: is {} a server's data folder?", checkpoint.display(), data.display()))?;
    let origin = note.lines().next().unwrap_or_default();
    let database = Database::open(&config::database_url(args.database_url.as_deref(), data)).await?;
    let compared = compare(&database, &store, origin).await;
    database.close().await;
    let mut differences = 0u32;
    for comparison in compared? {
        match &comparison.difference {
            None => println!("right    {} {}", comparison.count, comparison.what),
            Some(difference) => println!("wrong    {}: {difference}", comparison.what),
        }
        differences += u32::from(comparison.difference.is_some());
    }
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A running server may book something between two of the reads: a real difference is there each time.
async fn compare(database: &Database, store: &EvidenceStore, origin: &str) -> Result<Vec<Comparison>> {
    let mut compared = books::check(database, store, origin).await?;
    for _ in 1..ATTEMPTS {
        if compared.iter().all(|comparison| comparison.difference.is_none()) {
            break;
        }
        tokio::time::sleep(BETWEEN).await;
        compared = books::check(database, store, origin).await?;
    }
    Ok(compared)
}
