//! How many files may be open: every session is one, here and in the server.

/// File descriptors that the server and the load need besides those of sessions.
const OTHERS: u32 = 500;

/// The most sessions that this process can have at a time.
pub(crate) fn most_sessions() -> anyhow::Result<u32> {
    Ok(most_files()?.saturating_sub(OTHERS))
}

/// The most files that this process, and so its children, may have open.
fn most_files() -> anyhow::Result<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    Ok(line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(u32::MAX))
}
