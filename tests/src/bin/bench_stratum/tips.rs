//! From a new tip of the node to the last rig that hears of it.

use std::time::{Duration, Instant};

use super::fleet::Fleet;
use super::floor::Role;
use super::pool::Pool;
use super::rig::Peer;

/// New tips measured; the median counts.
const TIPS: usize = 9;
/// Between two tips, so that nothing of the one is left when the other comes.
const PAUSE: Duration = Duration::from_millis(500);

/// Milliseconds from the moment on, medians.
pub(crate) struct Tips {
    pub(crate) sessions: u32,
    pub(crate) first_ms: f64,
    pub(crate) last_ms: f64,
    /// The same for writing one prepared buffer of the same length to every socket.
    pub(crate) floor_first_ms: f64,
    pub(crate) floor_last_ms: f64,
}

impl Tips {
    pub(crate) async fn measure(sessions: u32) -> anyhow::Result<Tips> {
        println!("{sessions} sessions: new tips");
        let folder = tempfile::tempdir()?;
        let pool = Pool::start(folder.path(), 600_000).await?;
        let mut fleet = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let (first_ms, last_ms) = medians(&mut fleet, || Ok(pool.node.new_tip()))?;
        let bytes = fleet.job_len();
        drop(fleet);
        let flags = ["--role=spray".into(), format!("--connections={sessions}"), format!("--bytes={bytes}")];
        let mut spray = Role::start(&flags)?;
        let mut fleet = Fleet::connect(spray.address, sessions, Peer::Lines)?;
        let (floor_first_ms, floor_last_ms) = medians(&mut fleet, || spray.go())?;
        Ok(Tips { sessions, first_ms, last_ms, floor_first_ms, floor_last_ms })
    }

    /// From the new tip to the last job, as part of the floor to its last.
    pub(crate) fn of_floor(&self) -> f64 {
        self.last_ms / self.floor_last_ms
    }
}

fn medians(fleet: &mut Fleet, mut new_tip: impl FnMut() -> anyhow::Result<Instant>) -> anyhow::Result<(f64, f64)> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..TIPS {
        let (tip, arrivals) = fleet.arrivals(|| {
            std::thread::sleep(PAUSE);
            new_tip()
        })?;
        let ms = |moment: Option<&Instant>| {
            moment.map_or(0.0, |moment| moment.saturating_duration_since(tip).as_secs_f64() * 1e3)
        };
        first.push(ms(arrivals.iter().min()));
        last.push(ms(arrivals.iter().max()));
    }
    Ok((tests::measure::median(&mut first), tests::measure::median(&mut last)))
}
