//! `provenhash`: see `provenhash --help`, or `server/src/commands.rs` for what it can do.

use std::process::ExitCode;

use server::commands::CommandLine;
use server::config;

fn main() -> ExitCode {
    match CommandLine::from_arguments(config::arguments()).run() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
