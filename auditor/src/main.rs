//! `provenhash-audit`: verifies a Provenhash log from a URL, a folder or a bundle, without trusting the operator.
//!
//! In scope: the command line, fetching evidence, printing the report. Out of scope: every rule (`audit-core`).

mod cli;
mod print;
mod source;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Something could not be read or understood: nothing was verified.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let Cli { command: Command::Verify(args) } = Cli::parse();
    match verify::run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print::error(&error);
            ExitCode::from(UNUSABLE)
        }
    }
}
