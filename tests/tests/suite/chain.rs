//! From a bought contract to a verified credit, on each database.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tests::auditor::{Audit, Report, write_policy};
use tests::play::Buyer;
use tests::rig::Rig;
use tests::server::{Plan, Server};
use tests::{bundle, database, programs};

/// A server on which a contract was bought, mined for and credited, and its evidence as an outsider saved it.
pub(crate) struct Settled {
    // Dropped in this order: programs before their files.
    pub(crate) rig: Rig,
    pub(crate) server: Server,
    pub(crate) buyer: Buyer,
    /// Holds `bundle/`, the saved evidence, with `trusted.policy` and `receipt.json` beside it.
    pub(crate) folder: TempDir,
    pub(crate) report: Report,
}

impl Settled {
    /// Buys, mines, waits for a credit, and lets the auditor verify and save everything over HTTP.
    pub(crate) async fn play(plan: impl FnOnce(&TempDir) -> Plan) -> anyhow::Result<Settled> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(plan(&folder)).await?;
        let rig = Rig::start(server.stratum(), "test.rig", folder.path())?;
        let mut buyer = Buyer::with_contract(&server, "buyer@example.org").await?;
        buyer.contract = buyer.wait_until_credited().await?;
        let policy = write_policy(folder.path(), &server.api().status().await?.log_vkey)?;
        let receipt = buyer.save_receipt(folder.path())?;
        let audit = Audit::of(server.url())?.policy(&policy).receipt(&receipt).save(&folder.path().join("bundle"));
        let report = audit.run()?.held()?;
        Ok(Settled { rig, server, buyer, folder, report })
    }

    /// A question about the saved bundle or another source, with the same trust and receipt.
    pub(crate) fn audit(&self, source: &str) -> anyhow::Result<Audit> {
        let path = self.folder.path();
        Ok(Audit::of(path.join(source))?.policy(&path.join("trusted.policy")).receipt(&path.join("receipt.json")))
    }
}

/// The whole life of a contract; the same on every database.
async fn check(database: Option<&str>) -> anyhow::Result<()> {
    let plan = |folder: &TempDir| match database {
        None => Plan::embedded(folder.path()),
        Some(url) => Plan::embedded(folder.path()).with_database(url),
    };
    let mut settled = Settled::play(plan).await?;
    let online = &settled.report;
    assert_eq!(online.outcome("share.work"), "held");
    assert_eq!(online.outcome("settle.mine"), "held");
    let contract = online.contract.as_ref().expect("the receipt names a contract");
    assert!(contract.bound, "the receipt binds the contract to its buyer");
    assert!(contract.credited_sats >= settled.buyer.contract.credited_sats, "the log credits what the page says");
    assert!(online.totals.credits_sats <= online.totals.reward_sats, "no more is credited than was mined");

    crate::receipt::served(&settled).await?;
    bundle::pack(&settled.folder.path().join("bundle"), &settled.folder.path().join("bundle.tar"))?;
    for source in ["bundle", "bundle.tar"] {
        let offline = settled.audit(source)?.run()?.held()?;
        assert_eq!(offline.totals.work, online.totals.work, "{source} shows the same work as the site");
        assert_eq!(offline.tree_size, online.tree_size, "{source} shows the same log as the site");
    }
    settled.rig.stop().await?;
    settled.server.stop().await?;
    check_log(&settled.server.data(), database)
}

/// The whole log is as it was published, says the server's own program.
fn check_log(data: &Path, database: Option<&str>) -> anyhow::Result<()> {
    let mut command = Command::new(programs::provenhash()?);
    command.args(["admin", "--data"]).arg(data).arg("check-log");
    command.args(database.iter().flat_map(|url| ["--database-url", url]));
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.ends_with(", 0 wrong\n"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[tokio::test]
async fn a_bought_contract_is_mined_for_credited_and_verified_on_sqlite() -> anyhow::Result<()> {
    check(None).await
}

#[tokio::test]
async fn a_bought_contract_is_mined_for_credited_and_verified_on_postgresql() -> anyhow::Result<()> {
    let url = database::fresh().await?;
    check(Some(&url)).await
}
