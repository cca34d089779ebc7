//! input.fees: the fee rate that FPPS pays is that of the chain's blocks, and not an old one.

use alloc::{collections::BTreeSet, format, string::ToString};

use super::{
    CheckId, Place,
    chain::ChainSide,
    log::{Log, LogEpoch},
    report::Findings,
};
use crate::{allocation::Allocation, entry::Scheme, hash::Hash32, scheme::FEE_DEPTH};

/// The inputs, and how many epochs depend on them.
pub(super) struct Inputs<'a> {
    log: &'a Log,
    /// Contracts that are paid by these rates.
    fpps: BTreeSet<Hash32>,
    epochs: u64,
    /// Whether it was told that an input is too old or missing.
    stale: bool,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        let fpps = log.contracts.iter().filter(|contract| contract.terms.scheme == Scheme::Fpps);
        let fpps = fpps.map(|contract| contract.open.contract).collect();
        Self { log, fpps, epochs: 0, stale: false }
    }

    /// The fee rate of an epoch: the newest one logged before its `epoch_open`; where FPPS needs one, it is not too old.
    pub(super) fn fees_ppm(
        &mut self,
        epoch: &LogEpoch,
        allocation: Option<&Allocation>,
        findings: &mut Findings,
    ) -> u64 {
        let newest = self.log.fees_before(epoch.open_index);
        let mut ids = allocation.map_or(&[][..], Allocation::entries).iter().map(|entry| &entry.id);
        let has_fpps = !self.fpps.is_empty() && ids.any(|id| self.fpps.contains(id));
        let oldest = epoch.open.chain.height.saturating_sub(FEE_DEPTH);
        self.epochs += u64::from(has_fpps);
        if has_fpps && !self.stale && newest.is_none_or(|(_, fees)| fees.height < oldest) {
            self.stale = true;
            let file = self.log.file_of(epoch.open_index);
            let expected =
                format!("block_fees_ppm of a block at height {oldest} or above before epoch {}", epoch.open.epoch);
            let found = newest.map_or("none".to_string(), |(_, fees)| format!("height {}", fees.height));
            findings.fail(CheckId::InputFees, Place::new(file, Some(epoch.open_index), expected, found));
        }
        newest.map_or(0, |(_, fees)| fees.ppm.into())
    }

    /// Every rate is that of the blocks it names.
    pub(super) fn finish(&self, chain: &ChainSide<'_>, findings: &mut Findings) {
        let check = CheckId::InputFees;
        if self.log.fees.is_empty() && self.epochs == 0 {
            return findings.not_applicable(check, "nothing depends on the chain's fees");
        }
        findings.note(check, format!("{} rates for {} epochs", self.log.fees.len(), self.epochs));
        for (index, fees) in &self.log.fees {
            match chain.fees_up_to(fees) {
                Some(Ok(ppm)) if ppm == fees.ppm => {}
                Some(Ok(ppm)) => fail(self.log, *index, format!("{ppm} ppm by the chain"), fees.ppm, findings),
                Some(Err(found)) => {
                    let expected = format!("block {} on the best chain at height {}", fees.hash, fees.height);
                    fail(self.log, *index, expected, found, findings);
                }
                None => findings.not_checked(check, "the chain is not known"),
            }
        }
    }
}

fn fail(log: &Log, index: u64, expected: alloc::string::String, found: impl ToString, findings: &mut Findings) {
    findings.fail(CheckId::InputFees, Place::new(log.file_of(index), Some(index), expected, found.to_string()));
}
