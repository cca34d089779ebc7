//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How long anything that must happen may take on a slow, busy machine.
pub const SOON: Duration = Duration::from_secs(60);
/// How long mining for real (a hundred blocks, a settlement) may take there.
pub const MINED: Duration = Duration::from_secs(240);

const INTERVAL: Duration = Duration::from_millis(50);

/// Asks `probe` until it answers `Some`; an error that says what was waited for after `deadline`.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = probe().await? {
            return Ok(answer);
        }
        if started.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
