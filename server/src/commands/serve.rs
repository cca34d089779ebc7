//! `provenhash serve` and `provenhash demo`.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;

/// Exit code after a second signal: 128 and SIGTERM's number, as shells write it.
const STOPPED_AT_ONCE: u8 = 143;

/// Serves until SIGINT or SIGTERM, then ends in order; a second signal ends at once, as a crash would.
///
/// One line on stdout says where: `{"event":"listening","http":"127.0.0.1:8080","stratum":"127.0.0.1:3333"}`.
pub(super) fn run(config: Config) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let code = runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut signals = Signals::new()?;
        let app = App::start(config, stop.clone()).await?;
        announce(&app)?;
        let signalled = async {
            signals.next().await;
            tracing::info!("stopping: what has been read is answered first; a second signal stops at once");
            stop.cancel();
            signals.next().await;
        };
        tokio::select! {
            result = app.run() => result.map(|()| ExitCode::SUCCESS),
            () = signalled => {
                tracing::warn!("stopped at once");
                Ok(ExitCode::from(STOPPED_AT_ONCE))
            }
        }
    });
    // Whatever still runs after a second signal is not waited for.
    runtime.shutdown_background();
    code
}

/// SIGINT and SIGTERM, which mean the same here.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
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
