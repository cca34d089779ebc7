//! A log with three witnesses of whom two must cosign, all of them real programs: one goes, two go, the server is killed,
//! they come back. Mining never stops, readers never see what the quorum has not seen, and everything verifies.

use std::fs;

use anyhow::ensure;
use tests::auditor::Audit;
use tests::poll::{MINED, SOON, until};
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tests::witness::{Witness, watch};

async fn grows_by(server: &Server, entries: u64) -> anyhow::Result<()> {
    let from = server.api().status().await?.tree_size;
    until("the public log to grow", SOON, async || {
        Ok((server.api().status().await?.tree_size >= from + entries).then_some(()))
    })
    .await
}

#[tokio::test]
async fn mining_goes_on_while_witnesses_come_and_go() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan::embedded(folder.path()).with_flag("--epoch-ms=1000").with_flag("--grace-ms=300");
    let mut server = Server::start(plan.clone()).await?;
    let vkey = server.api().status().await?.log_vkey;
    server.stop().await?;

    let mut witnesses = Vec::new();
    let mut policy = format!("log {vkey}\n");
    for number in 1..=3 {
        let witness = Witness::start(&folder.path().join(format!("w{number}")), &vkey)?;
        policy += &format!("witness w{number} {} {}\n", witness.vkey()?, witness.url());
        witnesses.push(witness);
    }
    policy += "group witnesses 2 w1 w2 w3\nquorum witnesses\n";
    let file = folder.path().join("witnesses.policy");
    fs::write(&file, policy)?;
    let plan = plan.with_flag(&format!("--policy={}", file.display())).with_flag("--witness-timeout-ms=1000");
    let mut server = Server::start(plan).await?;
    let mut rig = Rig::start(server.stratum(), "lot.rig", folder.path())?;

    grows_by(&server, 4).await?;
    witnesses[2].kill()?;
    grows_by(&server, 4).await?;
    let status = server.api().status().await?;
    ensure!(status.witnesses[2].error.is_some() && status.witnesses[0].error.is_none(), "{:?}", status.witnesses);

    // Without quorum readers see the log stand still; epochs are opened, mined and sealed all the same.
    witnesses[1].kill()?;
    let standing = until("the public log to stand still", SOON, async || {
        let before = server.api().status().await?;
        let opened = before.epoch.unwrap_or_default() + 2;
        until("two epochs", SOON, async || Ok((server.api().status().await?.epoch >= Some(opened)).then_some(())))
            .await?;
        let after = server.api().status().await?;
        Ok((after.tree_size == before.tree_size && after.signed_size > before.signed_size).then_some(after))
    })
    .await?;
    let shares = standing.shares_total;
    until("shares to be sealed without quorum", MINED, async || {
        Ok((server.api().status().await?.shares_total > shares).then_some(()))
    })
    .await?;
    server.kill().await?;
    server.restart().await?;
    ensure!(server.api().status().await?.tree_size == standing.tree_size, "a restart published without quorum");

    witnesses[1].restart()?;
    grows_by(&server, 4).await?;
    witnesses[2].restart()?;
    until("all witnesses to cosign again", SOON, async || {
        let status = server.api().status().await?;
        Ok(status.witnesses.iter().all(|witness| witness.error.is_none()).then_some(()))
    })
    .await?;
    rig.stop().await?;

    let bundle = folder.path().join("bundle");
    let report = Audit::of(server.url())?.policy(&file).save(&bundle).run()?.held()?;
    let said = |id: &str| report.checks.iter().find(|check| check.id == id).map_or("", |check| &check.detail);
    ensure!(said("log.signed").contains("cosigned by"), "{}", said("log.signed"));
    ensure!(said("log.time").contains("boundaries timed by witnesses"), "{}", said("log.time"));
    Audit::of(&bundle)?.policy(&file).run()?.held()?;
    // Who follows the server's own suggestion asks for the same quorum.
    Audit::of(server.url())?.run()?.held()?;

    let state = folder.path().join("watch");
    let origin = vkey.split('+').next().unwrap_or_default();
    let gossip = format!("{}/{}", witnesses[0].url(), audit_core::witness::monitoring_path(origin));
    let state = state.display().to_string();
    let policy = file.display().to_string();
    let watched = watch([&server.url(), "--once", "--state", &state, "--policy", &policy, "--gossip", &gossip])?;
    ensure!(watched.code == 0, "{}", watched.said);
    server.stop().await
}

#[tokio::test]
async fn a_server_restored_with_all_its_files_is_refused_by_its_witness() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan::embedded(folder.path()).with_flag("--epoch-ms=1000").with_flag("--grace-ms=300");
    let mut server = Server::start(plan.clone()).await?;
    let vkey = server.api().status().await?.log_vkey;
    server.stop().await?;
    let backup = folder.path().join("backup");
    copy(&server.data(), &backup)?;

    let witness = Witness::start(&folder.path().join("w1"), &vkey)?;
    let plan = plan.with_flag(&format!("--witness=w1={}@{}", witness.vkey()?, witness.url()));
    let mut server = Server::start(plan.clone()).await?;
    grows_by(&server, 3).await?;
    server.stop().await?;
    fs::remove_dir_all(server.data())?;
    copy(&backup, &server.data())?;
    let Err(refused) = Server::start(plan).await else { anyhow::bail!("it started") };
    ensure!(format!("{refused:#}").contains("the witness w1 says"), "{refused:#}");
    Ok(())
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
