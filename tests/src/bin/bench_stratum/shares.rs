//! Shares: how many a second, how fast answered, and what each costs the server.

use super::crew::Pace;
use super::fleet::{Fleet, Measured};
use super::floor::Role;
use super::pool::Pool;
use super::rig::Peer;

/// Parts of the closed loop's rate that are offered in an open one, until no more is accepted.
const OFFERED: [f64; 4] = [1.0, 1.25, 1.5, 2.0];

/// Turns that each load has.
const TURNS: u32 = 3;

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
    /// The same at the rate of `half`.
    pub(crate) echo_half: Measured,
}

impl Shares {
    /// Measures each load for so many windows. Loads that are compared take turns, so that what disturbs the machine
    /// disturbs all of them.
    pub(crate) async fn measure(sessions: u32, windows: u32) -> anyhow::Result<Shares> {
        println!("{sessions} sessions: shares");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), 60_000).await?;
        let pid = pool.pid()?;
        let mut rigs = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let server = Role::start(&["--role=echo".into()])?;
        let mut lines = Fleet::connect(server.address, sessions, Peer::Lines)?;
        let (mut closed, mut half) = (Measured::default(), Measured::default());
        let (mut echo, mut echo_half) = (Measured::default(), Measured::default());
        for _ in 0..TURNS {
            let windows = windows.div_ceil(TURNS);
            closed.add(rigs.measure(Pace::Closed, windows, pid)?);
            echo.add(lines.measure(Pace::Closed, windows, server.pid())?);
            let pace = Pace::Open(closed.rate() / 2.0);
            half.add(rigs.measure(pace, windows, pid)?);
            echo_half.add(lines.measure(pace, windows, server.pid())?);
        }
        let mut open_ceiling = 0.0f64;
        for part in OFFERED {
            let open = rigs.measure(Pace::Open(closed.rate() * part), windows, pid)?.rate();
            open_ceiling = open_ceiling.max(open);
            if open < 0.95 * closed.rate() * part {
                break;
            }
        }
        Ok(Shares { sessions, closed, open_ceiling, half, echo, echo_half })
    }

    /// The server's CPU time for a share as part of what nobody can do without: a line's way in and out, and hashing. Both
    /// where they were disturbed least, and at their medians.
    pub(crate) fn of_floor(&self, hash_us: f64) -> (f64, f64) {
        let ((share, share_median), (line, line_median)) = (self.closed.cpu_us(), self.echo.cpu_us());
        (share / (line + hash_us), share_median / (line_median + hash_us))
    }
}
