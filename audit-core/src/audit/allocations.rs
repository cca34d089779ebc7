//! alloc.sum: the list under each epoch's root has the declared count and capacity.

use alloc::{format, rc::Rc, string::ToString};

use super::{CheckId, Evidence, Place, evidence::Source, log::LogEpoch, report::Findings};
use crate::allocation::{Allocation, AllocationError};

/// Longest allocation that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// The allocations, epoch by epoch. A list that does not change from one epoch to the next is fetched once.
#[derive(Default)]
pub(super) struct Allocations {
    last: Option<Rc<Allocation>>,
    epochs: u64,
}

impl Allocations {
    /// The allocation of an epoch; `None` where it can't be had or is not the one that was declared.
    pub(super) async fn of<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        findings: &mut Findings,
    ) -> Option<Rc<Allocation>> {
        let check = CheckId::AllocSum;
        self.epochs += 1;
        let claimed = epoch.open.allocation;
        let path = Allocation::path(&claimed.root);
        let allocation = match self.last.take().filter(|last| last.root() == claimed.root) {
            Some(last) => last,
            None => {
                let bytes = source.fetch(&path, FILE_MAX, check, findings).await?;
                let error = |error: AllocationError| {
                    findings.fail(check, Place::new(&*path, None, "an allocation list", error.to_string()));
                };
                Rc::new(Allocation::from_bytes(&bytes).map_err(error).ok()?)
            }
        };
        self.last = Some(allocation.clone());
        findings.equal(check, &path, "root", &claimed.root, &allocation.root());
        findings.equal(check, &path, "total", &claimed.total, &allocation.total());
        findings.equal(check, &path, "count", &claimed.count, &allocation.commitment().count);
        (allocation.commitment() == claimed).then_some(allocation)
    }

    pub(super) fn tell(&self, findings: &mut Findings) {
        findings.note(CheckId::AllocSum, format!("{} epochs", self.epochs));
    }
}
