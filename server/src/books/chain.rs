//! The book against the archived chain: rewards that are booked as matured, payouts that are booked as paid.

use anyhow::{Context, Result};
use audit_core::chain::{HEADER_LEN, PERIOD, headers_path, period_of};
use audit_core::header::Header;
use audit_core::payout::PayoutFile;

use super::Comparison;
use crate::db::blocks::{self, BlockStatus};
use crate::db::{Database, payouts};
use crate::evidence::EvidenceStore;

/// Every block whose reward is booked as matured is on the archived best chain.
pub(super) async fn rewards(database: &Database, store: &EvidenceStore) -> Result<Comparison> {
    let (mut count, mut difference) = (0, None);
    for block in blocks::after_epoch(database.pool(), 0).await? {
        if block.status != BlockStatus::Matured || difference.is_some() {
            continue;
        }
        count += 1;
        let archived = header_at(store, u32::try_from(block.height)?)?.map(|header| header.hash());
        if archived != Some(block.hash) {
            difference = Some(format!("block {} is matured, but not at height {}", block.hash, block.height));
        }
    }
    Ok(Comparison { what: "matured blocks are on the archived chain", count, difference })
}

/// Every payout that is booked as paid is in a block of the archived best chain, with the transaction that its file shows.
pub(super) async fn payouts(database: &Database, store: &EvidenceStore) -> Result<Comparison> {
    let (mut count, mut difference) = (0, None);
    for payout in payouts::logged(database.pool()).await? {
        let mined = payout.mined.as_ref().context("a logged payout has a block")?;
        let path = PayoutFile::path(&mined.txid);
        count += 1;
        difference = match store.read(&path)? {
            None => Some(format!("{path} is missing")),
            Some(bytes) => contradiction(store, &PayoutFile::from_bytes(&bytes).context(path)?, mined.height)?,
        };
        if difference.is_some() {
            break;
        }
    }
    Ok(Comparison { what: "payouts are in blocks of the archived chain", count, difference })
}

fn contradiction(store: &EvidenceStore, file: &PayoutFile, height: u32) -> Result<Option<String>> {
    if let Err(error) = file.transaction() {
        return Ok(Some(format!("payout {}: {error}", file.txid)));
    }
    let Some(header) = header_at(store, height)? else {
        return Ok(Some(format!("payout {}: no block at height {height}", file.txid)));
    };
    let is_in_it = file.block == Some(header.hash()) && file.merkle_root() == Some(header.merkle_root);
    Ok((!is_in_it).then(|| format!("payout {} is not in the block at height {height}", file.txid)))
}

/// The archived best chain's header at a height.
fn header_at(store: &EvidenceStore, height: u32) -> Result<Option<Header>> {
    let start = u64::from(height % PERIOD) * HEADER_LEN as u64;
    let bytes = store.read_range(&headers_path(period_of(height)), start, HEADER_LEN as u64)?.unwrap_or_default();
    Ok(bytes.first_chunk::<HEADER_LEN>().map(Header::from_bytes))
}
