//! `cargo xtask`: every developer command of Provenhash.
//!
//! In scope: installing what is needed, building, starting and ending the programs, counting tests.
//! Out of scope: what the programs do. The buyer of `demo --headless`, the measurements of `bench` and the tests of
//! `show` live in the `tests` package and run as child processes, so that this program stays small.

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod demo;
mod fuzz;
mod interrupt;
mod paths;
mod process;
mod setup;
mod show;
mod test;

/// Every developer command of Provenhash.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system: embedded chain, SQLite, CPU rigs, web pages on 127.0.0.1:8080
    Demo(demo::DemoArgs),
    /// Set up, then every check and test there is; this is what .ci/run calls
    Test,
    /// Measure, with a baseline in the same run
    Bench(bench::BenchArgs),
    /// Run a capability's demonstration end to end and print what was shown, with its figures
    Show(show::ShowArgs),
    /// Search for bytes that break a parser; crashes are kept in target/fuzz/crashes
    Fuzz(fuzz::FuzzArgs),
    /// Build the browser verifier into frontend/src/lib/wasm and target/wasm-node
    Wasm {
        /// Build it twice in other folders instead, and fail unless the bytes are equal
        #[arg(long)]
        check: bool,
    },
    /// Build the browser verifier and the web pages into frontend/build
    Frontend,
    /// Find or build Bitcoin Core's bitcoind; its path is the last line on stdout
    Bitcoind,
    /// Install and build everything the other commands need, and nothing that is there already
    Setup,
}

fn main() -> ExitCode {
    interrupt::install();
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Test => test::run(),
        Command::Bench(args) => bench::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Fuzz(args) => fuzz::search_all(&args),
        Command::Wasm { check: true } => setup::check_wasm(),
        Command::Wasm { check: false } => setup::wasm(),
        Command::Frontend => setup::frontend(),
        Command::Bitcoind => print_path(&setup::bitcoind()?),
        Command::Setup => setup::everything(),
    }
}

fn print_path(path: &Path) -> anyhow::Result<()> {
    println!("{}", path.display());
    Ok(())
}
