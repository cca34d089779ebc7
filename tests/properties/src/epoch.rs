//! Parsers of an epoch's files.

use audit_core::{
    allocation::Allocation,
    chain::AnyCoinbase,
    coinbase::{COINBASE_MAX, EXTRANONCES, parse},
    epoch::{JobsFile, RejectsFile, SessionsFile},
    hash::Hash32,
    share::{RECORD_LEN, ShareRecord},
    transaction::Transaction,
    work::Work,
};

use crate::canonical_json;

/// Records have one form.
pub(crate) fn record(bytes: &[u8]) {
    for bytes in bytes.as_chunks::<RECORD_LEN>().0 {
        if let Ok(read) = ShareRecord::from_bytes(bytes) {
            assert_eq!(read.to_bytes(), *bytes);
        }
    }
}

/// Jobs have one form, and each gives a header or an error.
pub(crate) fn jobs(bytes: &[u8]) {
    let Some(read) = canonical_json::<JobsFile>(bytes) else { return };
    let share = ShareRecord::from_bytes(&[0; RECORD_LEN]).expect("a record of zeros is one");
    for job in &read.jobs {
        coinbase(&job.coinbase_bytes(&Hash32::default(), [0; 4], [0; 8]));
        let header = job.header(&Hash32::default(), [0; 4], &share);
        assert_eq!(header.prevhash, job.prevhash);
        assert!(job.nbits.target().is_none_or(|target| target.is_met_by(&Default::default())));
    }
}

/// Sessions have one form.
pub(crate) fn sessions(bytes: &[u8]) {
    canonical_json::<SessionsFile>(bytes);
}

/// Rejects have one form.
pub(crate) fn rejects(bytes: &[u8]) {
    canonical_json::<RejectsFile>(bytes);
}

/// An allocation has one form, its units sum to its total, and it divides any work without loss.
pub(crate) fn allocation(bytes: &[u8]) {
    let Ok(read) = Allocation::from_bytes(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    assert_eq!(read.commitment().count, read.entries().len() as u64);
    assert!(read.entries().is_sorted_by(|a, b| a.id < b.id));
    for work in [0, 1, 1_000_003, u128::MAX] {
        let parts = read.divide(Work::new(work));
        let sum = parts.iter().try_fold(Work::ZERO, |sum, part| sum.checked_add(*part));
        assert_eq!(sum, Some(Work::new(work)));
    }
}

/// A coinbase of the pool is also anyone's coinbase, with the same outputs, and its places are inside of it.
pub(crate) fn coinbase(bytes: &[u8]) {
    let Ok(read) = parse(bytes) else { return };
    assert!(bytes.len() <= COINBASE_MAX);
    assert!(read.extranonce_at + EXTRANONCES <= read.anchor_at && read.anchor_at + 32 <= bytes.len());
    let transaction = Transaction::parse(bytes).expect("a coinbase is a transaction");
    assert!(transaction.is_coinbase());
    let paying = transaction.outputs.iter().filter(|output| output.sats.get() > 0);
    let paying: Vec<_> = paying.map(|output| (output.sats, output.script.clone())).collect();
    assert_eq!(paying, read.outputs);
    assert_eq!(AnyCoinbase::parse(bytes).ok().map(|any| any.reward), read.reward());
}
