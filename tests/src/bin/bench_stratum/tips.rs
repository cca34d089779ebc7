//! From a new tip of the node to the last rig that hears of it.

use std::time::{Duration, Instant};

use tests::measure::least_and_median;

use super::files;
use super::fleet::Fleet;
use super::floor::Role;
use super::pool::{LASTING_EPOCH, Pool};
use super::rig::Peer;

/// New tips for the pool, and as many for the floor: enough for a median that single disturbances do not move.
const TIPS: usize = 80;
/// Tips in a turn, where there can't be the sessions of both at once.
const IN_A_TURN: usize = 5;
/// Between two tips, so that nothing of the one is left when the other comes.
const PAUSE: Duration = Duration::from_millis(250);

/// What so many sessions showed.
pub(crate) struct Tips {
    pub(crate) sessions: u32,
    pub(crate) pool: Arrivals,
    /// The same for writing one prepared buffer of the same length to every socket.
    pub(crate) floor: Arrivals,
}

/// Milliseconds from a new tip on: for the tip that was disturbed least and for the median one.
pub(crate) struct Arrivals {
    pub(crate) first_ms: (f64, f64),
    pub(crate) last_ms: (f64, f64),
}

impl Tips {
    pub(crate) async fn measure(sessions: u32) -> anyhow::Result<Tips> {
        println!("{sessions} sessions: new tips");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), LASTING_EPOCH).await?;
        let fits_twice = 2 * sessions <= files::most_sessions()?;
        let [of_pool, of_floor] = if fits_twice { tip_by_tip(&pool, sessions) } else { turn_by_turn(&pool, sessions) }?;
        Ok(Tips { sessions, pool: of_pool.arrivals(), floor: of_floor.arrivals() })
    }

    /// From the new tip to the last job, as part of the floor to its last: where both were disturbed least, and medians.
    pub(crate) fn of_floor(&self) -> (f64, f64) {
        let (pool, floor) = (self.pool.last_ms, self.floor.last_ms);
        (pool.0 / floor.0, pool.1 / floor.1)
    }
}

/// A tip for the pool, then one for the floor: what disturbs the machine disturbs both.
fn tip_by_tip(pool: &Pool, sessions: u32) -> anyhow::Result<[Moments; 2]> {
    let (mut of_pool, mut of_floor) = (Moments::default(), Moments::default());
    let mut rigs = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
    let mut floor = Floor::connect(sessions, rigs.job_len())?;
    for _ in 0..TIPS {
        of_pool.add_tip(&mut rigs, || Ok(pool.node.new_tip()))?;
        of_floor.add_tip(&mut floor.sockets, || floor.spray.go())?;
    }
    Ok([of_pool, of_floor])
}

/// The same with one fleet at a time.
fn turn_by_turn(pool: &Pool, sessions: u32) -> anyhow::Result<[Moments; 2]> {
    let (mut of_pool, mut of_floor) = (Moments::default(), Moments::default());
    for _ in 0..TIPS / IN_A_TURN {
        let mut rigs = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        for _ in 0..IN_A_TURN {
            of_pool.add_tip(&mut rigs, || Ok(pool.node.new_tip()))?;
        }
        let bytes = rigs.job_len();
        drop(rigs);
        let mut floor = Floor::connect(sessions, bytes)?;
        for _ in 0..IN_A_TURN {
            of_floor.add_tip(&mut floor.sockets, || floor.spray.go())?;
        }
    }
    Ok([of_pool, of_floor])
}

/// What writes one prepared buffer of a job's length to every socket.
struct Floor {
    spray: Role,
    sockets: Fleet,
}

impl Floor {
    fn connect(sessions: u32, bytes: usize) -> anyhow::Result<Floor> {
        let flags = ["--role=spray".into(), format!("--connections={sessions}"), format!("--bytes={bytes}")];
        let mut spray = Role::start(&flags)?;
        let sockets = Fleet::connect(spray.read()?, sessions, Peer::Lines)?;
        Ok(Floor { spray, sockets })
    }
}

/// Milliseconds from each tip to its first and its last arrival.
#[derive(Default)]
struct Moments {
    first_ms: Vec<f64>,
    last_ms: Vec<f64>,
}

impl Moments {
    fn add_tip(&mut self, fleet: &mut Fleet, new_tip: impl FnOnce() -> anyhow::Result<Instant>) -> anyhow::Result<()> {
        let (tip, arrivals) = fleet.arrivals(|| {
            std::thread::sleep(PAUSE);
            new_tip()
        })?;
        let ms = |moment: Option<&Instant>| {
            moment.map_or(0.0, |moment| moment.saturating_duration_since(tip).as_secs_f64() * 1e3)
        };
        self.first_ms.push(ms(arrivals.iter().min()));
        self.last_ms.push(ms(arrivals.iter().max()));
        Ok(())
    }

    fn arrivals(self) -> Arrivals {
        Arrivals { first_ms: least_and_median(self.first_ms), last_ms: least_and_median(self.last_ms) }
    }
}
