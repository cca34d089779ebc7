//! The story's settlements, made as an honest operator makes them.

use audit_core::{
    accrual::{AccrualFile, accrue},
    allocation::operator_id,
    chain::Network,
    entry::{Accrual, Settlement},
    hash::BlockHash,
    scheme::{Price, TermsOf, Windows, Worth, draw, parts_of},
    settlement::{ContractWork, SettlementFile, SettlementInputs, credits_root, settle},
    work::{Nbits, Sats},
};

use super::{ORIGIN, mine::NBITS, script::Worked};

/// Epochs of an accrual.
pub(super) const ACCRUAL_EPOCHS: u64 = 1;

/// The accrual of an epoch that opened on a tip at this height; `None` when nothing is paid by time.
pub(super) fn accrual(
    epoch: u64,
    tip: u32,
    fees_ppm: u32,
    worked: &Worked,
    terms: &TermsOf,
) -> Option<(Accrual, AccrualFile)> {
    let (allocation, sealed) = &worked[&epoch];
    let price = price(tip, fees_ppm);
    let mut worth = Worth::default();
    worth.add_epoch(allocation, sealed.work, &price, terms).expect("little work");
    if worth.is_empty() {
        return None;
    }
    let accrued = accrue(&worth, terms).expect("little work");
    let entry = accrued.entry(epoch, ACCRUAL_EPOCHS).expect("sorted credits");
    Some((entry, AccrualFile { accrual: epoch, credits: accrued.credits }))
}

/// The price of an epoch that opened on a tip at this height.
pub(super) fn price(tip: u32, fees_ppm: u32) -> Price {
    Price::of(Network::Regtest, tip + 1, Nbits::new(NBITS), fees_ppm.into()).expect("a target")
}

/// How far the story is settled.
#[derive(Default)]
pub(super) struct Rounds {
    settlements: u64,
    /// The last epoch whose blocks are settled.
    settled_to: u64,
    /// The last epoch whose work a pooled reward used up.
    used_to: u64,
    carry: Sats,
}

impl Rounds {
    /// The next settlement: of an epoch's matured blocks.
    pub(super) fn settle(
        &mut self,
        to_epoch: u64,
        matured: &[(BlockHash, Sats)],
        worked: &Worked,
        terms: TermsOf,
    ) -> (Settlement, SettlementFile) {
        let inputs = self.inputs(to_epoch, matured, worked, terms);
        let settled = settle(&inputs).expect("honest inputs");
        self.settlements += 1;
        let file = SettlementFile { settlement: self.settlements, credits: settled.credits };
        let entry = Settlement {
            settlement: self.settlements,
            from_epoch: self.used_to + 1,
            to_epoch,
            blocks: matured.iter().map(|(hash, _)| *hash).collect(),
            reward_sats: inputs.drawn.reward().expect("few blocks"),
            solo_sats: inputs.drawn.solo_sats(),
            carry_in_sats: self.carry,
            fee_sats: settled.fee,
            maintenance_sats: settled.maintenance,
            carry_out_sats: settled.carry_out,
            credits: credits_root(&file.credits).expect("sorted credits"),
        };
        (self.settled_to, self.carry) = (to_epoch, settled.carry_out);
        if inputs.drawn.is_pooled() {
            self.used_to = to_epoch;
        }
        (entry, file)
    }

    fn inputs(
        &self,
        to_epoch: u64,
        matured: &[(BlockHash, Sats)],
        worked: &Worked,
        terms: TermsOf,
    ) -> SettlementInputs {
        let mut work = ContractWork::default();
        for (epoch, (allocation, sealed)) in worked.range(self.used_to + 1..=to_epoch) {
            work.add_epoch(allocation, sealed.work).expect("little work");
            if *epoch == self.settled_to {
                work.use_up(false, &terms);
            }
        }
        let mut windows = Windows::of(&terms, &work);
        for (allocation, sealed) in worked.range(..=to_epoch).rev().map(|(_, epoch)| epoch) {
            windows.add_older(&parts_of(allocation, sealed.work, &terms), &terms).expect("little work");
        }
        let drawn = draw(matured, &worked[&to_epoch].0, &terms).expect("few blocks");
        let operator = operator_id(ORIGIN);
        SettlementInputs { work, windows, terms, operator, drawn, carry_in: self.carry }
    }
}
