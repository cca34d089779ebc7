//! `provenhash admin check-log`: says on stdout what is wrong with the log, line by line, and how far it is on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::config;
use crate::db::Database;
use crate::evidence::EvidenceStore;
use crate::tlog::{LogCheck, check_log, load_or_create_key};

/// Which database, and whether to write.
#[derive(Args, Debug)]
pub(super) struct CheckLogArgs {
    /// postgres://… for PostgreSQL; without it SQLite inside the data folder
    #[arg(long, value_name = "URL", env = "PROVENHASH_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Write missing files again from the entries in the database; files that exist are never changed
    #[arg(long)]
    restore: bool,
}

pub(super) async fn run(data: &Path, args: &CheckLogArgs) -> Result<ExitCode> {
    let store = EvidenceStore::new(data);
    let checkpoint = data.join("log/checkpoint");
    let note = std::fs::read_to_string(&checkpoint)
        .with_context(|| format!("reading {}: is {} a server's data folder?", checkpoint.display(), data.display()))?;
    let origin = note.lines().next().unwrap_or_default();
    let key = load_or_create_key(&data.join("log.key"), origin, false)?;
    let database = Database::open(&config::database_url(args.database_url.as_deref(), data)).await?;
    let check = check_log(&database, &store, &key.vkey(), args.restore, &mut progress).await;
    database.close().await;
    let check = check?;
    print(&check);
    Ok(if check.fault_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line for a person; nothing for a file.
fn progress(done: u64, all: u64) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let end = if done == all { '\n' } else { '\r' };
        // A progress line that can't be shown is no reason to stop.
        let _ = write!(stderr, "{done} of {all} entries{end}");
    }
}

fn print(check: &LogCheck) {
    for path in &check.restored {
        println!("restored {path}");
    }
    for fault in &check.faults {
        println!("wrong    {fault}");
    }
    let hidden = check.fault_count - check.faults.len() as u64;
    if hidden > 0 {
        println!("wrong    {hidden} more");
    }
    println!("{} entries, {} files compared, {} wrong", check.size, check.files, check.fault_count);
}
