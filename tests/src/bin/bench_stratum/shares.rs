//! Shares: how many a second, how fast answered, and what each costs the server.

use tests::measure::least_and_median;

use super::crew::Pace;
use super::fleet::{Fleet, Measured};
use super::floor::Role;
use super::pool::{LASTING_EPOCH, Pool};
use super::rig::Peer;

/// Parts of the closed loop's rate that are offered in an open one, until no more is accepted.
const OFFERED: [f64; 4] = [1.0, 1.25, 1.5, 2.0];

/// Windows that each of these is measured for.
const SEARCHED: u32 = 10;

/// Turns that each load has: what disturbs the machine comes and goes within seconds.
const TURNS: u32 = 15;

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
    /// Microseconds for hashing a share, in the turn that was disturbed least, and in the median one.
    pub(crate) hash_us: (f64, f64),
}

impl Shares {
    /// Measures each load for so many windows. Loads that are compared take turns, so that what disturbs the machine
    /// disturbs all of them.
    pub(crate) async fn measure(sessions: u32, windows: u32) -> anyhow::Result<Shares> {
        println!("{sessions} sessions: shares");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), LASTING_EPOCH).await?;
        let pid = pool.pid()?;
        let mut rigs = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let mut server = Role::start(&["--role=echo".into()])?;
        let mut lines = Fleet::connect(server.read()?, sessions, Peer::Lines)?;
        let mut hashing = Role::start(&["--role=hash".into()])?;
        let (mut closed, mut half) = (Measured::default(), Measured::default());
        let (mut echo, mut echo_half) = (Measured::default(), Measured::default());
        let mut hashes_us = Vec::new();
        let in_a_turn = windows.div_ceil(TURNS);
        for _ in 0..TURNS {
            closed.add(rigs.measure(Pace::Closed, in_a_turn, pid)?);
            hashing.go()?;
            hashes_us.push(hashing.read()?);
            echo.add(lines.measure(Pace::Closed, in_a_turn, server.pid())?);
            let pace = Pace::Open(closed.rate() / 2.0);
            half.add(rigs.measure(pace, in_a_turn, pid)?);
            echo_half.add(lines.measure(pace, in_a_turn, server.pid())?);
        }
        let mut open_ceiling = 0.0f64;
        for part in OFFERED {
            let open = rigs.measure(Pace::Open(closed.rate() * part), SEARCHED, pid)?.rate();
            open_ceiling = open_ceiling.max(open);
            if open < 0.95 * closed.rate() * part {
                break;
            }
        }
        Ok(Shares { sessions, closed, open_ceiling, half, echo, echo_half, hash_us: least_and_median(hashes_us) })
    }

    /// The server's CPU time for a share as part of what nobody can do without: a line's way in and out, and hashing. Both
    /// where they were disturbed least, and at their medians.
    pub(crate) fn of_floor(&self) -> (f64, f64) {
        let (share, line, hash) = (self.closed.cpu_us(), self.echo.cpu_us(), self.hash_us);
        (share.0 / (line.0 + hash.0), share.1 / (line.1 + hash.1))
    }
}
