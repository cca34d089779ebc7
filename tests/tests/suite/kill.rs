//! kill -9 at random moments: nothing acknowledged is lost, nothing is sealed twice, the log never forks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use audit_core::checkpoint::Checkpoint;
use audit_core::entry::Entry;
use audit_core::hash::BlockHash;
use serde_json::json;
use tests::api::Api;
use tests::auditor::{Audit, write_policy};
use tests::evidence::{self, Log};
use tests::figure;
use tests::poll::{MINED, until};
use tests::random::Random;
use tests::rig::Rig;
use tests::server::{Plan, Server};

const KILLS: u32 = 20;
/// Epochs are this long here, so that kills fall on openings, closings and settlements too.
const EPOCH_MS: u64 = 1_000;

#[tokio::test]
async fn a_killed_server_loses_no_acknowledged_share_and_never_forks_its_log() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut random = Random::printed("moments of kills");
    let plan = Plan::embedded(folder.path()).with_flag(&format!("--epoch-ms={EPOCH_MS}")).with_flag("--grace-ms=300");
    let mut server = Server::start(plan).await?;
    let mut rigs = [
        Rig::start(server.stratum(), "first.rig", folder.path())?,
        Rig::start(server.stratum(), "second.rig", folder.path())?,
    ];
    let mut seen = Vec::new();
    for _ in 0..KILLS {
        // A random moment is what this test is about; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(random.below(2 * EPOCH_MS))).await;
        seen.extend(published(&server.api()).await?);
        server.kill().await?;
        server.restart().await?;
        seen.extend(published(&server.api()).await?);
    }
    for rig in &mut rigs {
        rig.stop().await?;
    }
    let last_epoch = server.api().status().await?.epoch.context("no epoch is open")?;
    let acknowledged = acknowledged(&rigs)?;
    let (log, missing) = until("every acknowledged share to be sealed", MINED, async || {
        let log = Log::download(&server.api()).await?;
        let sealed = evidence::sealed_hashes(&server.api(), &log).await?;
        let missing = acknowledged.difference(&sealed).count();
        // Shares are on their way until the epoch that they stopped in is closed; the one after it closes later.
        let is_over = log.sealed().len() as u64 > last_epoch;
        Ok((missing == 0 || is_over).then_some((log, missing)))
    })
    .await?;
    assert_eq!(missing, 0, "acknowledged shares that are not in the sealed evidence");
    epochs_are_sealed_once(&log)?;
    let unsaved = unsaved_blocks(&log, &server.data().join("blocks"))?;
    assert_eq!(unsaved, 0, "found blocks that are in the evidence but were not saved");
    let forks = forks(&log, &seen)?;
    assert_eq!(forks, 0, "published checkpoints contradict the log");
    let policy = write_policy(folder.path(), &server.api().status().await?.log_vkey)?;
    let bundle = folder.path().join("bundle");
    Audit::of(server.url())?.policy(&policy).save(&bundle).run()?.held()?;
    Audit::of(&bundle)?.policy(&policy).run()?.held()?;
    let shares = acknowledged.len();
    figure::print(
        "kills",
        json!({
            "kills": KILLS,
            "acknowledged_shares": shares,
            "missing_shares": missing,
            "unsaved_blocks": unsaved,
            "forks": forks,
        }),
    );
    Ok(())
}

/// The checkpoint that is public now.
async fn published(api: &Api) -> anyhow::Result<Option<Checkpoint>> {
    let note = api.evidence("log/checkpoint").await?;
    note.map(|note| evidence::checkpoint(&note)).transpose()
}

fn acknowledged(rigs: &[Rig]) -> anyhow::Result<BTreeSet<BlockHash>> {
    let mut hashes = BTreeSet::new();
    for rig in rigs {
        hashes.extend(rig.acknowledged()?);
    }
    ensure!(!hashes.is_empty(), "the rigs mined nothing");
    Ok(hashes)
}

fn epochs_are_sealed_once(log: &Log) -> anyhow::Result<()> {
    let sealed = log.sealed();
    let expected: Vec<u64> = (1..=sealed.len() as u64).collect();
    ensure!(sealed == expected, "epochs sealed: {sealed:?}");
    Ok(())
}

/// How many blocks of the log are not on disk: those could never have reached a node.
fn unsaved_blocks(log: &Log, folder: &Path) -> anyhow::Result<usize> {
    let files: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    let is_saved = |hash: &BlockHash| files.iter().any(|file| file.contains(&hash.to_string()));
    let found = log.entries.iter().filter_map(|entry| match entry {
        Entry::BlockFound(block) => Some(block.hash),
        _ => None,
    });
    Ok(found.filter(|hash| !is_saved(hash)).count())
}

/// How many checkpoints that were public are not of this log's past.
fn forks(log: &Log, seen: &[Checkpoint]) -> anyhow::Result<usize> {
    let mut forks = 0;
    for checkpoint in seen {
        forks += usize::from(log.root_at(checkpoint.size)? != checkpoint.root);
    }
    Ok(forks)
}
