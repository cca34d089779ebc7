//! A run of accruals on whatever a log could say.

use audit_core::{
    accrual::accrue as accrue_worth,
    allocation::{Allocation, AllocationEntry},
    chain::Network,
    entry::{Maintenance, Refund, Rounding, Scheme, Shortfall, Suspension, Terms},
    hash::Hash32,
    scheme::{Price, TermsOf, Worth},
    settlement::credits_root,
    work::{Nbits, Sats, Units, Work},
};

/// Contracts of one run at most.
const CONTRACTS: u8 = 8;

/// Numbers out of bytes; zeros behind their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (mut taken, count) = ([0; N], N.min(self.0.len()));
        taken[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        taken
    }

    fn terms(&mut self) -> Terms {
        let [scheme, fee @ ..] = self.take::<4>();
        let [is_maintained, price @ ..] = self.take::<9>();
        let schemes = [Scheme::Pps, Scheme::Fpps, Scheme::Proportional];
        let price = Sats::new(u64::from_be_bytes(price)).unwrap_or(Sats::MAX);
        Terms {
            scheme: schemes[usize::from(scheme) % schemes.len()],
            fee_ppm: u32::from_be_bytes([0, fee[0], fee[1], fee[2]]) % 1_000_001,
            maintenance: if is_maintained % 2 == 0 { Maintenance::Included } else { Maintenance::SatsPerThsDay(price) },
            rounding: Rounding::LargestRemainder,
            suspension: Suspension::None,
            shortfall: Shortfall::ProRata,
            refund: Refund::None,
        }
    }
}

/// What is paid by time is credited, or the operator's fee, or maintenance, to the satoshi; nobody else is credited.
pub(crate) fn accrue(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let [count] = bytes.take();
    let ids = (0..1 + count % CONTRACTS).map(|id| Hash32([id; 32]));
    let terms: TermsOf = ids.map(|id| (id, bytes.terms())).collect();
    let mut worth = Worth::default();
    while !bytes.0.is_empty() {
        if add_epoch(&mut worth, &mut bytes, &terms).is_none() {
            return;
        }
    }
    let Ok(accrued) = accrue_worth(&worth, &terms) else { return };
    let credited: u64 = accrued.credits.iter().map(|credit| credit.sats.get()).sum();
    assert_eq!(credited + accrued.fee.get() + accrued.maintenance.get(), accrued.gross.get());
    assert!(accrued.credits.iter().all(|credit| terms[&credit.id].scheme.is_by_time()));
    assert!(credits_root(&accrued.credits).is_ok(), "credits are in order, and none is 0");
}

/// `None` where a log could not say that.
fn add_epoch(worth: &mut Worth, bytes: &mut Bytes<'_>, terms: &TermsOf) -> Option<()> {
    let entries = terms.keys().filter_map(|id| {
        let units = Units::new(u64::from_be_bytes(bytes.take()).into())?;
        Some(AllocationEntry { units, id: *id })
    });
    let allocation = Allocation::new(entries.collect()).ok()?;
    let work = Work::new(u128::from_be_bytes(bytes.take()));
    let [height, nbits] = [(); 2].map(|()| u32::from_be_bytes(bytes.take()));
    let price = Price::of(Network::Regtest, height, Nbits::new(nbits), u32::from_be_bytes(bytes.take()).into())?;
    worth.add_epoch(&allocation, work, &price, terms).ok()
}
