//! `provenhash serve` and `provenhash demo`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;

/// Serves until SIGINT or SIGTERM.
///
/// One line on stdout says where: `{"event":"listening","http":"127.0.0.1:8080","stratum":"127.0.0.1:3333"}`.
pub(super) fn run(config: Config) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let app = App::start(config, stop.clone()).await?;
        announce(&app)?;
        let signalled = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stop.cancel();
            std::future::pending().await
        };
        tokio::select! {
            result = app.run() => result,
            never = signalled => never,
        }?;
        Ok(ExitCode::SUCCESS)
    })
}

fn announce(app: &App) -> Result<()> {
    let stratum: Vec<String> = app.stratum_addresses().iter().map(ToString::to_string).collect();
    let line = json!({
        "event": "listening",
        "http": app.http_address().to_string(),
        "stratum": stratum.join(","),
    });
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}
