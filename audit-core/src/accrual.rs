//! Accruals: what contracts that are paid by time (PPS and FPPS) are credited, whatever blocks are found.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    entry::Accrual,
    json::{from_canonical, to_canonical},
    scheme::{Charged, TermsOf, Worth},
    settlement::{Credit, SettleError, credits_root, to_sats},
    work::Sats,
};

/// What an accrual gives. Σ credits + fee + maintenance = gross.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accrued {
    /// Positive credits, ids strictly increasing.
    pub credits: Vec<Credit>,
    /// What all work was worth.
    pub gross: Sats,
    /// Sum of the fees.
    pub fee: Sats,
    /// What running the machines costs the contracts.
    pub maintenance: Sats,
}

/// `/accrual/<number>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccrualFile {
    /// Number.
    pub accrual: u64,
    /// Ids strictly increasing.
    pub credits: Vec<Credit>,
}

/// Takes each contract's fee and maintenance from what its work was worth.
///
/// # Errors
/// See [`SettleError`].
pub fn accrue(worth: &Worth, terms: &TermsOf) -> Result<Accrued, SettleError> {
    let (mut credits, mut gross, mut fee, mut maintenance) = (Vec::new(), 0u128, 0, 0);
    for (id, worth, work) in worth.gross() {
        let worth = u128::from(to_sats(worth.ok_or(SettleError::Overflow)?)?.get());
        let charged = terms.get(id).map_or(Charged::nothing(worth), |terms| terms.charge(worth, work));
        gross += worth;
        fee += charged.fee;
        maintenance += charged.maintenance;
        let sats = to_sats(charged.credit)?;
        if sats > Sats::ZERO {
            credits.push(Credit { sats, id: *id });
        }
    }
    Ok(Accrued { credits, gross: to_sats(gross)?, fee: to_sats(fee)?, maintenance: to_sats(maintenance)? })
}

impl Accrued {
    /// The entry of the accrual with this number, which has `every` epochs.
    ///
    /// # Errors
    /// See [`SettleError`].
    pub fn entry(&self, accrual: u64, every: u64) -> Result<Accrual, SettleError> {
        Ok(Accrual {
            accrual,
            from_epoch: (accrual - 1) * every + 1,
            to_epoch: accrual * every,
            gross_sats: self.gross,
            fee_sats: self.fee,
            maintenance_sats: self.maintenance,
            credits: credits_root(&self.credits)?,
        })
    }
}

impl AccrualFile {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses the file.
    ///
    /// # Errors
    /// [`SettleError::Json`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SettleError> {
        Ok(from_canonical(bytes)?)
    }

    /// The path of an accrual's file.
    pub fn path(accrual: u64) -> String {
        alloc::format!("accrual/{accrual}.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        allocation::{Allocation, AllocationEntry},
        chain::Network,
        entry::{Maintenance, Scheme, Terms},
        fixture::terms,
        hash::Hash32,
        scheme::Price,
        work::{Nbits, Units, Work},
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn credits_fee_and_maintenance_are_all_that_the_work_was_worth(
            works in proptest::collection::vec(0..1u128 << 92, 1..9),
            ppm in 0..=1_000_000u32,
            rate in 0..1_000_000u64,
        ) {
            let entry = |index: u8| AllocationEntry {
                units: Units::new(u128::from(index) + 1).unwrap(),
                id: Hash32([index; 32]),
            };
            let maintenance = Maintenance::SatsPerThsDay(Sats::new(rate).unwrap());
            let of = |scheme| Terms { scheme, fee_ppm: ppm, maintenance, ..terms() };
            let terms: TermsOf =
                [(Hash32([0; 32]), of(Scheme::Pps)), (Hash32([1; 32]), of(Scheme::Fpps)), (Hash32([2; 32]), of(Scheme::Solo))].into();
            let allocation = Allocation::new([0, 1, 2].map(entry).into()).unwrap();
            let price = Price::of(Network::Bitcoin, 1, Nbits::new(0x1703_1abe), 5_000).unwrap();
            let mut worth = Worth::default();
            for work in works {
                worth.add_epoch(&allocation, Work::new(work), &price, &terms).unwrap();
            }
            let accrued = accrue(&worth, &terms).unwrap();
            let credits: u64 = accrued.credits.iter().map(|credit| credit.sats.get()).sum();
            prop_assert_eq!(credits + accrued.fee.get() + accrued.maintenance.get(), accrued.gross.get());
            prop_assert!(accrued.credits.iter().all(|credit| credit.id < Hash32([2; 32])));
        }
    }
}
