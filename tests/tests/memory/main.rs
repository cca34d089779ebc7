//! What an audit holds in memory (docs/ARCHITECTURE): facts of a few hundred bytes an epoch, not the epochs' files.
//!
//! Alone in its binary, so that no other test allocates beside it.

use audit_core::{
    audit::{AuditRequest, Depth},
    bundle::Files,
};
use peak_alloc::PeakAlloc;
use tests::{operator::long::log_of, verify::verify};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bitcoin's target in 2024, so that no share is a block.
const NBITS: u32 = 0x1703_1abe;
const SHARES: usize = 1_000;
const FEW: usize = 20;
const MANY: usize = 8 * FEW;
/// Facts of an epoch, with a half for the growth of lists that double.
const BYTES_PER_EPOCH: usize = 1_000;

fn length(files: &Files) -> usize {
    files.values().map(Vec::len).sum()
}

#[test]
fn an_audits_peak_of_memory_grows_by_facts_and_not_by_files() {
    let mut logs = [FEW, MANY].map(|epochs| log_of(&vec![SHARES; epochs], NBITS, &|_| {}));
    let more_files = length(&logs[1].0) - length(&logs[0].0);
    for depth in [Depth::Exact, Depth::Estimate] {
        let [few, many] = logs.each_mut().map(|(files, policy)| {
            let request = AuditRequest { depth, ..AuditRequest::new(policy.clone()) };
            let before = HEAP.current_usage();
            HEAP.reset_peak_usage();
            assert!(verify(files, &request).held);
            HEAP.peak_usage() - before
        });
        let grown = many.saturating_sub(few);
        println!("{depth:?}: peak {few} and {many} bytes; {grown} bytes more for {more_files} bytes of files more");
        assert!(grown < (MANY - FEW) * BYTES_PER_EPOCH, "{few} bytes for {FEW} epochs, {many} for {MANY}");
        assert!(grown * 10 < more_files);
    }
}
