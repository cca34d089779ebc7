//! What a log starts with, and what is logged again when it changes: the manifest and the terms.

use anyhow::{Result, bail};
use audit_core::entry::{
    Entry, FORMAT, HexBytes, Maintenance, Manifest, Refund, Retention, Rounding, Scheme, Shortfall, Suspension, Terms,
};
use audit_core::hash::Hash32;

use crate::accruals::price::accrual_epochs;
use crate::db::log_entries::{LogEntryRow, index_of, last_of_kind};
use crate::db::{Database, DbError};
use crate::tlog::{Sequencer, TlogError, kind};

/// What the operator states in the log before anything is mined or sold on it.
#[derive(Clone, Debug)]
pub struct Promises {
    /// `bitcoin`, `testnet4`, `signet` or `regtest`.
    pub network: String,
    /// The script that blocks pay to.
    pub payout_script: Vec<u8>,
    /// Text in each coinbase, at most 20 bytes.
    pub coinbase_tag: Vec<u8>,
    /// Intended length of an epoch.
    pub epoch_ms: u64,
    /// How long jobs of the epoch before stay valid.
    pub grace_ms: u64,
    /// Epochs of an accrual, when the log begins: they are the same in all of it.
    pub accrual_epochs: u64,
    /// The operator's fee in parts per million.
    pub fee_ppm: u32,
    /// SHA-256 of each module that the pages may load as the verifier.
    pub verifier_wasm_sha256: Vec<Hash32>,
    /// This program's version.
    pub software_version: String,
}

/// Logs the manifest unless the newest one says the same, and the usual terms unless they are logged. Runs before the next
/// `epoch_open`, so a change is in force from the first epoch that is mined with it.
pub(super) async fn ensure(promises: &Promises, database: &Database, sequencer: &Sequencer) -> Result<()> {
    let guard = sequencer.lock().await;
    let mut tx = database.begin().await?;
    let mut missing = Vec::new();
    let accrual_epochs = accrual_epochs(&mut tx).await?.unwrap_or(promises.accrual_epochs);
    let manifest = Entry::Manifest(Manifest { accrual_epochs, ..promises.manifest() });
    let terms = Entry::Terms(promises.terms());
    let logged = last_of_kind(&mut tx, kind(&manifest)).await?;
    refuse_another_network(&promises.network, logged.as_ref())?;
    if logged.is_none_or(|logged| logged.entry != manifest.to_bytes()) {
        missing.push(manifest);
    }
    if index_of(&mut tx, kind(&terms), &terms.to_bytes()).await?.is_none() {
        missing.push(terms);
    }
    guard.append(&mut tx, &missing).await?;
    tx.commit().await?;
    guard.integrate().await?;
    Ok(())
}

/// Leaf index of these terms, which are logged unless they were before.
pub(super) async fn log_terms(terms: Terms, database: &Database, sequencer: &Sequencer) -> Result<u64, TlogError> {
    let entry = Entry::Terms(terms);
    let guard = sequencer.lock().await;
    let mut tx = database.begin().await?;
    if let Some(index) = index_of(&mut tx, kind(&entry), &entry.to_bytes()).await? {
        return Ok(index);
    }
    let index = guard.append(&mut tx, &[entry]).await?;
    tx.commit().await.map_err(DbError::from)?;
    guard.integrate().await?;
    Ok(index)
}

impl Promises {
    fn manifest(&self) -> Manifest {
        Manifest {
            format: FORMAT,
            network: self.network.clone(),
            coin: "BTC".into(),
            proof_of_work: "sha256d".into(),
            payout_scripts: vec![HexBytes(self.payout_script.clone())],
            coinbase_tag: self.coinbase_tag.clone(),
            epoch_ms: self.epoch_ms,
            grace_ms: self.grace_ms,
            accrual_epochs: self.accrual_epochs,
            verifier_wasm_sha256: self.verifier_wasm_sha256.clone(),
            software_version: self.software_version.clone(),
            predecessor: None,
            retention: Retention::All,
        }
    }

    /// The terms of offers that name none.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            scheme: Scheme::Proportional,
            fee_ppm: self.fee_ppm,
            maintenance: Maintenance::Included,
            rounding: Rounding::LargestRemainder,
            suspension: Suspension::None,
            shortfall: Shortfall::ProRata,
            refund: Refund::None,
        }
    }
}

/// One log = one network: regtest work on a mainnet log would be fraud by configuration.
fn refuse_another_network(network: &str, logged: Option<&LogEntryRow>) -> Result<()> {
    let Some(logged) = logged else { return Ok(()) };
    if let Entry::Manifest(manifest) = Entry::from_bytes(&logged.entry)?
        && manifest.network != network
    {
        bail!("this log is of the network {}, not {network}: use another --data folder and --origin", manifest.network);
    }
    Ok(())
}
