//! Sessions that are there and bring nothing.

use tests::measure::memory_of;

use super::fleet::Fleet;
use super::pool::Pool;
use super::rig::Peer;

/// File descriptors that the server and the load need besides those of sessions.
const OTHER_FILES: u32 = 500;

/// Resident memory of the server.
pub(crate) struct Idle {
    pub(crate) sessions: u32,
    /// For each authorised session that has its job.
    pub(crate) bytes_a_session: f64,
}

impl Idle {
    /// With as many sessions as wanted, or as this process may open files.
    pub(crate) async fn measure(wanted: u32) -> anyhow::Result<Idle> {
        let sessions = wanted.min(open_files()?.saturating_sub(OTHER_FILES));
        println!("{sessions} idle sessions: memory");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), 600_000).await?;
        // What the first sessions bring into being stays however many follow.
        let few = Fleet::connect(pool.server.stratum(), 100, Peer::Pool)?;
        let before = memory_of(pool.pid()?)?;
        let many = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let bytes = memory_of(pool.pid()?)?.saturating_sub(before);
        drop((few, many));
        Ok(Idle { sessions, bytes_a_session: bytes as f64 / f64::from(sessions) })
    }
}

/// The most files that this process, and so its children, may have open.
fn open_files() -> anyhow::Result<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    Ok(line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(u32::MAX))
}
