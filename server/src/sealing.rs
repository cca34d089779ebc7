//! Sealing an epoch: its files, then its entries. Both follow from the journal alone.

use anyhow::{Context, Result};
use audit_core::allocation::{Allocation, operator_id};
use audit_core::entry::Entry;
use audit_core::epoch::{EpochMaterial, epoch_path};
use audit_core::seal::{SealedEpoch, seal};

use crate::clock::now_ms;
use crate::db::blocks::{BlockRow, BlockStatus};
use crate::db::epochs::{ContractEpochRow, EpochCloseRow, EpochRow};
use crate::db::{Database, Tx, blocks, epochs, ledger, liabilities};
use crate::evidence::EvidenceStore;
use crate::rewards;
use crate::tlog::Sequencer;

/// Records have hardly any pattern; more effort finds little more.
const ZSTD_LEVEL: i32 = 3;

/// Seals and writes the epoch's files. A crash in between leaves some of them; repeated, the same bytes are found there.
///
/// # Errors
/// Material that can't be sealed, or files that hold other bytes than this journal gives.
pub(crate) fn write_files(store: &EvidenceStore, material: &EpochMaterial) -> Result<SealedEpoch> {
    let sealed = seal(material).with_context(|| format!("sealing epoch {}", material.epoch))?;
    let shares_path = epoch_path(material.epoch, "shares");
    for (path, bytes) in &sealed.files {
        if *path == shares_path {
            write_compressed(store, material.epoch, bytes)?;
        }
        store.put(path, bytes)?;
    }
    Ok(sealed)
}

/// The compressed copy is not committed to, and another version of the compressor gives other bytes: what is there stays.
fn write_compressed(store: &EvidenceStore, epoch: u64, shares: &[u8]) -> Result<()> {
    let path = epoch_path(epoch, "shares.zst");
    if store.read(&path)?.is_none() {
        store.put(&path, &zstd::encode_all(shares, ZSTD_LEVEL)?)?;
    }
    Ok(())
}

/// Logs `block_found…` and `epoch_close` and stores what the API shows, in one transaction; then integrates. An epoch that
/// is closed already stays as it is.
///
/// # Errors
/// Database, log, or a missing allocation file.
pub(crate) async fn log(
    database: &Database,
    sequencer: &Sequencer,
    store: &EvidenceStore,
    row: &EpochRow,
    sealed: &SealedEpoch,
) -> Result<()> {
    let allocation = read_allocation(store, row)?;
    let found = sealed.blocks.iter().map(|block| Entry::BlockFound(*block));
    let entries: Vec<Entry> = found.chain([Entry::EpochClose(sealed.close.clone())]).collect();
    let guard = sequencer.lock().await;
    let mut tx = database.begin().await?;
    let first = guard.append(&mut tx, &entries).await?;
    let close_index = first + sealed.blocks.len() as u64;
    let close = EpochCloseRow { close_index, share_count: sealed.count, work: sealed.work };
    if !epochs::close(&mut tx, row.epoch, &close).await? {
        return Ok(());
    }
    for (found_index, block) in (first..).zip(&sealed.blocks) {
        let row = BlockRow {
            hash: block.hash,
            epoch: block.epoch,
            height: block.height.into(),
            reward: block.reward_sats,
            status: BlockStatus::Found,
            found_index,
        };
        blocks::insert(&mut tx, &row).await?;
        if let Some(transaction) = rewards::found(&row, now_ms()) {
            ledger::post(&mut tx, &transaction).await?;
        }
    }
    for (block, coin) in &sealed.coins {
        liabilities::insert_coin(&mut tx, block, coin).await?;
    }
    store_parts(&mut tx, row.epoch, sequencer.origin(), &allocation, sealed).await?;
    tx.commit().await?;
    guard.integrate().await?;
    Ok(())
}

/// The allocation that the epoch was opened with.
pub(crate) fn read_allocation(store: &EvidenceStore, row: &EpochRow) -> Result<Allocation> {
    let path = Allocation::path(&row.allocation_root);
    let bytes = store.read(&path)?.with_context(|| format!("{path} is missing: restore it from a backup"))?;
    let allocation = Allocation::from_bytes(&bytes).with_context(|| path.clone())?;
    anyhow::ensure!(
        allocation.root() == row.allocation_root,
        "{path} holds another allocation: restore it from a backup"
    );
    Ok(allocation)
}

async fn store_parts(
    tx: &mut Tx,
    epoch: u64,
    origin: &str,
    allocation: &Allocation,
    sealed: &SealedEpoch,
) -> Result<()> {
    let own = operator_id(origin);
    for (entry, work) in allocation.entries().iter().zip(allocation.divide(sealed.work)) {
        if entry.id != own {
            let part = ContractEpochRow { epoch, units: entry.units, work };
            epochs::insert_contract_part(tx, &entry.id, &part).await?;
        }
    }
    Ok(())
}
