//! Parsers of what is credited, owed and paid.

use audit_core::{
    accrual::AccrualFile,
    contract::Receipt,
    liabilities::LiabilitiesFile,
    life::ConclusionFile,
    payout::PayoutFile,
    settlement::{SettlementFile, credits_root},
    transaction::{Transaction, merkle_root},
};

/// A receipt has one form, but for white space around it; details that are understood have one form too.
pub(crate) fn receipt(bytes: &[u8]) {
    let Ok(read) = Receipt::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes.trim_ascii());
    assert_eq!(Receipt::from_bytes(&read.to_bytes()).map(|again| again.contract_id()), Ok(read.contract_id()));
    if let Ok(details) = read.details() {
        assert_eq!(details.to_bytes(), read.details.as_bytes());
    }
}

/// A settlement's file has one form; credits with a root are listed in order.
pub(crate) fn settlement(bytes: &[u8]) {
    let Ok(read) = SettlementFile::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    if let Ok(root) = credits_root(&read.credits) {
        assert_eq!(root.count, read.credits.len() as u64);
        assert!(read.credits.is_sorted_by(|a, b| a.id < b.id));
    }
}

/// So has an accrual's.
pub(crate) fn accrual(bytes: &[u8]) {
    let Ok(read) = AccrualFile::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    if credits_root(&read.credits).is_ok() {
        assert!(read.credits.is_sorted_by(|a, b| a.id < b.id));
    }
}

/// And a conclusion's.
pub(crate) fn conclusion(bytes: &[u8]) {
    let Ok(read) = ConclusionFile::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    if read.root().is_ok() {
        assert!(read.rows.is_sorted_by(|a, b| a.id < b.id));
    }
}

/// A list of liabilities has one form; balances and coins with a root are listed in order.
pub(crate) fn liabilities(bytes: &[u8]) {
    let Ok(read) = LiabilitiesFile::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    if read.balances_root().is_ok() {
        assert!(read.balances.is_sorted_by(|a, b| a.id < b.id));
    }
    if read.coins_root().is_ok() {
        assert!(read.coins.is_sorted_by(|a, b| a.id() < b.id()));
    }
}

/// A payout's file has one form; where it agrees with itself, each output it names has the value of its rows.
pub(crate) fn payout(bytes: &[u8]) {
    let Ok(read) = PayoutFile::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    let (Ok(transaction), Ok(root)) = (read.transaction(), read.outputs_root()) else { return };
    assert_eq!(transaction.txid, read.txid);
    assert!(read.block.is_none() || read.merkle_root().is_some());
    let all: u64 = transaction.outputs.iter().map(|output| output.sats.get()).sum();
    assert!(root.total_sats.get() <= all, "rows of more than the transaction pays");
}

/// A transaction keeps no more than its bytes, and is at most one of a block's.
pub(crate) fn transaction(bytes: &[u8]) {
    let Ok(read) = Transaction::parse(bytes) else { return };
    assert!(read.inputs.len() * 41 + read.outputs.len() * 9 <= bytes.len());
    assert_eq!(merkle_root(&read.txid, 0, &[]), Some(read.txid.0));
    assert_eq!(merkle_root(&read.txid, 1, &[]), None);
}
