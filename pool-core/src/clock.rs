//! The wall clock, read at the edges only: sessions, vardiff and jobs are given their time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix time in ms.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Unix time in seconds, as headers carry it.
pub(crate) fn unix_seconds() -> u32 {
    u32::try_from(unix_ms() / 1_000).unwrap_or(u32::MAX)
}
