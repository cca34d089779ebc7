//! Sessions that are there and bring nothing.

use tests::measure::memory_of;

use super::files;
use super::fleet::Fleet;
use super::pool::{LASTING_EPOCH, Pool};
use super::rig::Peer;

/// Resident memory of the server.
pub(crate) struct Idle {
    pub(crate) sessions: u32,
    /// For each authorised session that has its job.
    pub(crate) bytes_a_session: f64,
}

impl Idle {
    /// With as many sessions as wanted, or as this process may have.
    pub(crate) async fn measure(wanted: u32) -> anyhow::Result<Idle> {
        let sessions = wanted.min(files::most_sessions()?);
        println!("{sessions} idle sessions: memory");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), LASTING_EPOCH).await?;
        // What the first sessions bring into being stays however many follow.
        let few = Fleet::connect(pool.server.stratum(), 100, Peer::Pool)?;
        let before = memory_of(pool.pid()?)?;
        let many = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let bytes = memory_of(pool.pid()?)?.saturating_sub(before);
        drop((few, many));
        Ok(Idle { sessions, bytes_a_session: bytes as f64 / f64::from(sessions) })
    }
}
