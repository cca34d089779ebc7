//! From a new tip of the node to the last rig that hears of it.

use std::io::{BufRead, stdin};
use std::time::{Duration, Instant};

use tests::measure::least_and_median;

use super::fleet::Fleet;
use super::floor::Role;
use super::pool::{LASTING_EPOCH, Pool};
use super::rig::Peer;

/// New tips for the pool, and as many for the floor: enough for a median that single disturbances do not move.
const TIPS: usize = 200;
/// Between two tips, so that nothing of the one is left when the other comes.
const PAUSE: Duration = Duration::from_millis(150);

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
    /// A tip for the pool, then one for the floor: what disturbs the machine disturbs both. Each has a process of its own for
    /// its connections, for none may open the files of both, and neither is to differ by what its process did before.
    pub(crate) fn measure(sessions: u32) -> anyhow::Result<Tips> {
        println!("{sessions} sessions: new tips");
        let flag = format!("--connections={sessions}");
        let mut pool = Role::beside_the_load(&["--role=rigs".into(), flag.clone()])?;
        let bytes: usize = pool.read()?;
        let mut floor = Role::beside_the_load(&["--role=sockets".into(), flag, format!("--bytes={bytes}")])?;
        floor.read::<String>()?;
        let (mut of_pool, mut of_floor) = (Moments::default(), Moments::default());
        for _ in 0..TIPS {
            of_pool.hear(&mut pool)?;
            of_floor.hear(&mut floor)?;
        }
        Ok(Tips { sessions, pool: of_pool.arrivals(), floor: of_floor.arrivals() })
    }

    /// From the new tip to the last job, as part of the floor to its last: where both were disturbed least, and medians.
    pub(crate) fn of_floor(&self) -> (f64, f64) {
        let (pool, floor) = (self.pool.last_ms, self.floor.last_ms);
        (pool.0 / floor.0, pool.1 / floor.1)
    }
}

/// Starts a pool and connects rigs to it; prints the bytes of a job's line; then, for each line on standard input, lets the
/// pool's node have a new tip and prints the milliseconds until the first and until the last rig had a job on it.
pub(crate) async fn rigs(connections: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::start(folder.path(), LASTING_EPOCH).await?;
    let mut rigs = Fleet::connect(pool.server.stratum(), connections, Peer::Pool)?;
    println!("{}", rigs.job_len());
    for_each_line(|| hear(&mut rigs, || Ok(pool.node.new_tip())))
}

/// Says that so many sockets are connected; then, for each line on standard input, lets one buffer be written to all of
/// them and prints the milliseconds until the first and until the last had it.
pub(crate) fn sockets(connections: u32, bytes: usize) -> anyhow::Result<()> {
    let flags = ["--role=spray".into(), format!("--connections={connections}"), format!("--bytes={bytes}")];
    let mut spray = Role::start(&flags)?;
    let mut sockets = Fleet::connect(spray.read()?, connections, Peer::Lines)?;
    println!("connected");
    for_each_line(|| hear(&mut sockets, || spray.go()))
}

/// Prints what was heard for each line on standard input.
fn for_each_line(mut hear: impl FnMut() -> anyhow::Result<(f64, f64)>) -> anyhow::Result<()> {
    for line in stdin().lock().lines() {
        line?;
        let (first, last) = hear()?;
        println!("{first}\n{last}");
    }
    Ok(())
}

/// Milliseconds from a new tip until the first and until the last of a fleet hear of it.
fn hear(fleet: &mut Fleet, new_tip: impl FnOnce() -> anyhow::Result<Instant>) -> anyhow::Result<(f64, f64)> {
    let (tip, arrivals) = fleet.arrivals(|| {
        std::thread::sleep(PAUSE);
        new_tip()
    })?;
    let ms = |moment: Option<&Instant>| {
        moment.map_or(0.0, |moment| moment.saturating_duration_since(tip).as_secs_f64() * 1e3)
    };
    Ok((ms(arrivals.iter().min()), ms(arrivals.iter().max())))
}

/// Milliseconds from each tip to its first and its last arrival.
#[derive(Default)]
struct Moments {
    first_ms: Vec<f64>,
    last_ms: Vec<f64>,
}

impl Moments {
    /// Lets `role` bring about another tip, and adds what it heard.
    fn hear(&mut self, role: &mut Role) -> anyhow::Result<()> {
        role.go()?;
        self.first_ms.push(role.read()?);
        self.last_ms.push(role.read()?);
        Ok(())
    }

    fn arrivals(self) -> Arrivals {
        Arrivals { first_ms: least_and_median(self.first_ms), last_ms: least_and_median(self.last_ms) }
    }
}
