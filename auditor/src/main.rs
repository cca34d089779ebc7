//! `provenhash-audit`: verifies a Provenhash log from a URL, a folder or a bundle, without trusting the operator, and is a
//! witness of logs.
//!
//! In scope: the command line, fetching evidence, printing the report, a witness's key, memory and HTTP. Out of scope: every rule (`audit-core`).

mod cli;
mod durable;
mod print;
mod source;
mod verify;
mod witness;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Something could not be read or understood: nothing was verified.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let held = match Cli::parse().command {
        Command::Verify(args) => verify::run(&args),
        Command::Witness(args) => witness::run(&args).map(|()| true),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print::error(&error);
            ExitCode::from(UNUSABLE)
        }
    }
}
