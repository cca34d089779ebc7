//! What the `provenhash` program can do. The flags of `serve` and `demo` are in `config`.

mod admin;
mod healthcheck;
mod rig;
mod serve;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, LogFormat};

/// Cloud mining that its customers can check.
#[derive(Debug, Parser)]
#[command(name = "provenhash", version, args_override_self = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    #[command(args_override_self = true)]
    Serve(Box<Config>),
    /// Run the server with everything small: embedded chain, epochs of ten seconds, an offer a CPU can mine for
    #[command(args_override_self = true)]
    Demo(Box<Config>),
    /// Mine with this machine's CPU
    Rig(rig::RigArgs),
    /// The operator's work, against a running server
    Admin(admin::AdminArgs),
    /// Ask a running server whether it can do its work; exit code 0 when it can
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the OpenAPI document of the API
    Openapi,
}

/// What `demo` sets before the flags that are given to it; a flag given twice counts the last time.
///
/// 2^22 hashes a block, 2^18 a share: a CPU finds shares in a blink and a block every few seconds.
const DEMO: &[&str] = &[
    "--embedded-nbits=1e03ffff",
    "--epoch-ms=10000",
    "--grace-ms=3000",
    "--first-level=-14",
    "--min-level=-14",
    "--shares-per-minute=600",
    "--capacity-hs=4000000",
    "--liabilities-ms=60000",
    "--origin=localhost/provenhash-demo",
    "--sample-offer=Ten minutes of CPU hashrate",
    // Public key of BIP 32's first test vector: these coins are worth nothing.
    "--receive-descriptor=wpkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/*)",
    "--embedded-endowment=bcrt1qn5y36vzluuhvtp20s9t6df8cc67lxjt76uqp4r",
    "--payments-every-ms=500",
];

impl CommandLine {
    /// Reads the command line; a wrong one ends the program with an explanation, as does `--help`.
    pub fn from_arguments(mut arguments: Vec<OsString>) -> Self {
        if arguments.get(1).is_some_and(|command| command == "demo") {
            arguments.splice(2..2, DEMO.iter().map(OsString::from));
        }
        Self::parse_from(arguments)
    }

    /// Does it.
    pub fn run(self) -> Result<ExitCode> {
        start_logging(self.command.log_format());
        match self.command {
            Command::Serve(config) | Command::Demo(config) => serve::run(*config),
            Command::Rig(args) => rig::run(args),
            Command::Admin(args) => admin::run(&args),
            Command::Healthcheck(args) => healthcheck::run(&args),
            Command::Openapi => {
                println!("{}", crate::api::openapi::document().to_pretty_json()?);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl Command {
    fn log_format(&self) -> LogFormat {
        match self {
            Self::Serve(config) | Self::Demo(config) => config.log_format,
            _ => LogFormat::Text,
        }
    }
}

/// Program logs go to stderr: stdout is for what programs read.
fn start_logging(format: LogFormat) {
    let filter = EnvFilter::new(config::log_filter());
    // Colours only for a person: in a file they are noise.
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn config(arguments: &[&str]) -> Config {
        let arguments = [&["provenhash"], arguments].concat().into_iter().map(OsString::from).collect();
        match CommandLine::from_arguments(arguments).command {
            Command::Serve(config) | Command::Demo(config) => *config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn flags_override_what_the_demo_sets() {
        let demo = config(&["demo"]);
        assert_eq!((demo.log.epoch_ms, demo.log.grace_ms, demo.pool.first_level.get()), (10_000, 3_000, -14));
        let demo = config(&["demo", "--epoch-ms", "5000", "--stratum", "127.0.0.1:0,127.0.0.1:0"]);
        assert_eq!((demo.log.epoch_ms, demo.pool.stratum.len()), (5_000, 2));
        demo.check().unwrap();
    }

    #[test]
    fn fields_that_do_not_fit_are_named() {
        let refused = |arguments: &[&str]| config(arguments).check().unwrap_err();
        assert!(refused(&["serve", "--grace-ms=300000"]).contains("--grace-ms"));
        assert!(refused(&["serve", "--min-level=20"]).contains("--min-level"));
        assert!(refused(&["serve", "--node=http://user:password@127.0.0.1:8332"]).contains("--payout-address"));
        assert!(refused(&["serve", "--network=bitcoin"]).contains("--network"));
    }
}
