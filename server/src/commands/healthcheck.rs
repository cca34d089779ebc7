//! `provenhash healthcheck`: for containers and service supervisors, which have no curl.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

/// Longer than a healthy server ever takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which server.
#[derive(Args, Debug)]
pub(super) struct HealthcheckArgs {
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// Asks `/readyz`; exit code 0 when the server is ready, 1 when it isn't or doesn't answer.
pub(super) fn run(args: &HealthcheckArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let url = format!("{}/readyz", args.url.trim_end_matches('/'));
        let answer = client.get(&url).send().await.with_context(|| format!("asking {url}"))?;
        let ready = answer.status().is_success();
        println!("{}", answer.text().await?.trim());
        Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
