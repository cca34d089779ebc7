//! What settlements, accruals and conclusions have in common: credits, recomputed and published.

use alloc::{string::String, vec::Vec};

use crate::settlement::Credit;

/// The credits of a settlement, an accrual or a conclusion that was judged.
pub(super) struct Credited {
    /// Leaf index of its entry.
    pub(super) index: u64,
    /// Its file.
    pub(super) path: String,
    pub(super) number: u64,
    /// `None` when they can't be recomputed.
    pub(super) recomputed: Option<Vec<Credit>>,
    /// `None` when the file can't be read.
    pub(super) published: Option<Vec<Credit>>,
}
