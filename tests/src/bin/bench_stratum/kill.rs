//! kill -9 under full load: what was acknowledged is in the evidence.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::ensure;
use tests::evidence::{EpochFiles, Log};
use tests::poll::{MINED, until};

use super::fleet::Fleet;
use super::pool::Pool;
use super::rig::Peer;

/// Full load before the kill; it falls into an epoch as it comes.
const LOADED: Duration = Duration::from_millis(3_700);

pub(crate) struct Killed {
    pub(crate) acknowledged: usize,
    pub(crate) missing: usize,
}

impl Killed {
    pub(crate) async fn measure(sessions: u32) -> anyhow::Result<Killed> {
        println!("{sessions} sessions: kill -9 under full load");
        let folder = tempfile::tempdir()?;
        let mut pool = Pool::start(folder.path(), 2_000).await?;
        let mut fleet = Fleet::connect(pool.server.stratum(), sessions, Peer::Pool)?;
        let pid = pool.pid()?;
        let seen = fleet.load_until_cut(|| {
            std::thread::sleep(LOADED);
            let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
            ensure!(killed.success(), "kill: {killed}");
            Ok(())
        })?;
        pool.server.restart().await?;
        let open = pool.server.api().status().await?.epoch.unwrap_or_default();
        let acknowledged: HashSet<u64> = seen.acknowledged.into_iter().collect();
        let sealed = until("the epochs of the load to be sealed", MINED, async || {
            let log = Log::download(&pool.server.api()).await?;
            if (log.sealed().len() as u64) <= open {
                return Ok(None);
            }
            let mut sealed = HashSet::new();
            for epoch in log.sealed() {
                let files = EpochFiles::download(&pool.server.api(), epoch).await?;
                sealed.extend(files.shares.iter().map(|record| u64::from_be_bytes(record.extranonce2)));
            }
            Ok(Some(sealed))
        })
        .await?;
        Ok(Killed { acknowledged: acknowledged.len(), missing: acknowledged.difference(&sealed).count() })
    }
}
