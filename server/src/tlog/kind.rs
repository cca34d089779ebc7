//! The `type` of an entry, for finding entries in the database without parsing all of them.

use audit_core::entry::Entry;

/// The value of the entry's `type` field.
pub fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Manifest(_) => "manifest",
        Entry::Terms(_) => "terms",
        Entry::ContractOpen(_) => "contract_open",
        Entry::ContractSuspend(_) => "contract_suspend",
        Entry::ContractResume(_) => "contract_resume",
        Entry::ContractClose(_) => "contract_close",
        Entry::EpochOpen(_) => "epoch_open",
        Entry::EpochClose(_) => "epoch_close",
        Entry::BlockFound(_) => "block_found",
        Entry::BlockMatured(_) => "block_matured",
        Entry::BlockOrphaned(_) => "block_orphaned",
        Entry::ExternalInput(_) => "external_input",
        Entry::Settlement(_) => "settlement",
        Entry::Accrual(_) => "accrual",
        Entry::Conclusion(_) => "conclusion",
        Entry::Payout(_) => "payout",
        Entry::Liabilities(_) => "liabilities",
        Entry::LogClosed(_) => "log_closed",
    }
}

/// Whether the checkpoint of exactly this entry's size is signed and kept for ever: anchors and sealed epochs quote it.
pub(super) fn ends_a_kept_checkpoint(kind: &str) -> bool {
    matches!(kind, "epoch_open" | "epoch_close")
}
