//! Shares: how many a second, how fast answered, and what each costs the server.

use std::time::Duration;

use super::crew::Pace;
use super::fleet::{Fleet, Measured};
use super::floor::Role;
use super::pool::Pool;
use super::rig::Peer;

/// Parts of the closed loop's rate that are offered in an open one, until no more is accepted.
const OFFERED: [f64; 4] = [1.0, 1.25, 1.5, 2.0];

/// What so many sessions showed.
pub(crate) struct Shares {
    pub(crate) sessions: u32,
    pub(crate) closed: Measured,
    /// The most shares accepted in a second when they are sent whatever is answered.
    pub(crate) open_ceiling: f64,
    /// At half of the closed loop's rate.
    pub(crate) half: Measured,
    /// A server that sends lines back, under the closed loop.
    pub(crate) echo: Measured,
}

impl Shares {
    /// Measures each load for `time`.
    pub(crate) async fn measure(sessions: u32, time: Duration) -> anyhow::Result<Shares> {
        println!("{sessions} sessions: shares");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), 60_000).await?;
        let mut fleet = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let closed = fleet.measure(Pace::Closed, time, pool.pid()?)?;
        let mut open_ceiling = 0.0f64;
        for part in OFFERED {
            let open = fleet.measure(Pace::Open(closed.rate * part), time, pool.pid()?)?;
            open_ceiling = open_ceiling.max(open.rate);
            if open.rate < 0.95 * closed.rate * part {
                break;
            }
        }
        let half = fleet.measure(Pace::Open(closed.rate / 2.0), time, pool.pid()?)?;
        let echo = Role::start(&["--role=echo".into()])?;
        let echo = Fleet::connect(echo.address, sessions, Peer::Lines)?.measure(Pace::Closed, time, echo.pid())?;
        Ok(Shares { sessions, closed, open_ceiling, half, echo })
    }

    /// The server's CPU time for a share as part of what nobody can do without: a line's way in and out, and hashing.
    pub(crate) fn of_floor(&self, hash_us: f64) -> f64 {
        self.closed.cpu_us / (self.echo.cpu_us + hash_us)
    }
}
