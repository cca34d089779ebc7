//! input.chain: the fee rate that FPPS pays is that of the chain's blocks, and not an old one; the hashprice that prices of
//! contracts follow is the chain's.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
};
use core::fmt::Display;

use super::{
    CheckId, Place,
    chain::ChainSide,
    log::{Log, LogEpoch},
    periods,
    report::Findings,
};
use crate::{
    allocation::Allocation,
    entry::{Scheme, Suspension},
    hash::{BlockHash, Hash32},
    scheme::FEE_DEPTH,
};

const CHECK: CheckId = CheckId::InputChain;

/// The inputs, and how many epochs depend on them.
pub(super) struct Inputs<'a> {
    log: &'a Log,
    /// Contracts that are paid by these rates.
    fpps: BTreeSet<Hash32>,
    /// Leaf index of the first of them that these rates can suspend.
    first_suspendable: Option<u64>,
    epochs: u64,
    /// Whether it was told that an input is too old or missing.
    stale: bool,
}

/// A logged value, and the block up to which the chain says it.
struct Input<T> {
    /// Leaf index.
    index: u64,
    value: T,
    height: u32,
    hash: BlockHash,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        let fpps = || log.contracts.iter().filter(|contract| contract.terms.scheme == Scheme::Fpps);
        let mut suspendable = fpps().filter(|contract| contract.terms.suspension != Suspension::None);
        let first_suspendable = suspendable.next().map(|contract| contract.open_index);
        let fpps = fpps().map(|contract| contract.open.contract).collect();
        Self { log, fpps, first_suspendable, epochs: 0, stale: false }
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
        let is_paid = !self.fpps.is_empty() && ids.any(|id| self.fpps.contains(id));
        let has_fpps = is_paid || self.can_suspend(epoch);
        let oldest = epoch.open.chain.height.saturating_sub(FEE_DEPTH);
        self.epochs += u64::from(has_fpps);
        if has_fpps && !self.stale && newest.is_none_or(|(_, fees)| fees.height < oldest) {
            self.stale = true;
            let file = self.log.file_of(epoch.open_index);
            let expected =
                format!("block_fees_ppm of a block at height {oldest} or above before epoch {}", epoch.open.epoch);
            let found = newest.map_or("none".to_string(), |(_, fees)| format!("height {}", fees.height));
            findings.fail(CHECK, Place::new(file, Some(epoch.open_index), expected, found));
        }
        newest.map_or(0, |(_, fees)| fees.ppm.into())
    }

    /// Whether the epoch's price decides on suspensions of contracts that are paid by these rates.
    fn can_suspend(&self, epoch: &LogEpoch) -> bool {
        let ends_a_period = epoch.open.epoch.is_multiple_of(periods::every(self.log));
        ends_a_period && self.first_suspendable.is_some_and(|first| first < epoch.open_index)
    }

    /// Every rate and price is that of the blocks it names.
    pub(super) fn finish(&self, chain: &ChainSide<'_>, findings: &mut Findings) {
        let (fees, prices) = (&self.log.fees, &self.log.hashprices);
        if fees.is_empty() && prices.is_empty() && self.epochs == 0 {
            return findings.not_applicable(CHECK, "nothing that follows from the chain is logged or needed");
        }
        findings.note(CHECK, format!("{} fee rates for {} epochs, {} prices", fees.len(), self.epochs, prices.len()));
        for (index, fees) in fees {
            let by_chain = chain.fees_up_to(fees);
            let input = Input { index: *index, value: fees.ppm, height: fees.height, hash: fees.hash };
            self.compare(&input, by_chain, findings);
        }
        for (index, price) in prices {
            let by_chain = chain.hashprice_on(price);
            let input = Input { index: *index, value: price.sats_per_phs_day, height: price.height, hash: price.hash };
            self.compare(&input, by_chain, findings);
        }
    }

    fn compare<T: PartialEq + Display>(
        &self,
        input: &Input<T>,
        by_chain: Option<Result<T, String>>,
        findings: &mut Findings,
    ) {
        let (expected, found) = match by_chain {
            Some(Ok(value)) if value == input.value => return,
            Some(Ok(value)) => (format!("{value} by the chain"), input.value.to_string()),
            Some(Err(found)) => (format!("block {} on the best chain at height {}", input.hash, input.height), found),
            None => return findings.not_checked(CHECK, "the chain is not known"),
        };
        findings.fail(CHECK, Place::new(self.log.file_of(input.index), Some(input.index), expected, found));
    }
}
