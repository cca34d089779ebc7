//! `provenhash-audit`: verifies a Provenhash log from a URL, a folder or a bundle, without trusting the operator; follows
//! a log; is a witness of logs.
//!
//! In scope: the command line, fetching evidence, printing the report, what a watch or witness remembers, a witness's HTTP.
//! Out of scope: every rule (`audit-core`).

mod cli;
mod durable;
mod print;
mod receipt;
mod source;
mod verify;
mod watch;
mod witness;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Something could not be read or understood: nothing was verified.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Verify(args) => verify::run(&args).map(|held| u8::from(!held)),
        Command::Receipt(args) => receipt::run(&args).map(|held| u8::from(!held)),
        Command::Watch(args) => watch::run(&args),
        Command::Witness(args) => witness::run(&args).map(|()| 0),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print::error(&error);
            ExitCode::from(UNUSABLE)
        }
    }
}
