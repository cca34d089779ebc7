//! Who gets how much of an epoch.

use audit_core::allocation::{Allocation, AllocationEntry, AllocationError, operator_id};
use audit_core::hash::Hash32;
use audit_core::work::Units;

/// The list of an epoch: the contracts in force, and what they leave of the declared capacity as the operator's own entry.
/// When more is sold than declared, the operator has no entry and everybody's part shrinks pro rata, in public.
pub(super) fn build(
    in_force: &[(Hash32, Units)],
    capacity: Units,
    origin: &str,
) -> Result<Allocation, AllocationError> {
    let sold = in_force.iter().fold(0u128, |sum, (_, units)| sum.saturating_add(units.get()));
    let contracts = in_force.iter().map(|(id, units)| AllocationEntry { units: *units, id: *id });
    let unsold = Units::new(capacity.get().saturating_sub(sold));
    let own = unsold.map(|units| AllocationEntry { units, id: operator_id(origin) });
    Allocation::new(contracts.chain(own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(hashrate: u128) -> Units {
        Units::new(hashrate).unwrap()
    }

    #[test]
    fn the_total_is_the_declared_capacity() {
        let sold = [(Hash32([1; 32]), units(30)), (Hash32([2; 32]), units(20))];
        let allocation = build(&sold, units(100), "log.example").unwrap();
        assert_eq!(allocation.total(), units(100));
        assert_eq!(allocation.units_of(&operator_id("log.example")), Some(units(50)));
    }

    #[test]
    fn without_contracts_the_operator_has_everything() {
        let allocation = build(&[], units(100), "log.example").unwrap();
        assert_eq!(allocation.entries().len(), 1);
        assert_eq!(allocation.units_of(&operator_id("log.example")), Some(units(100)));
    }

    #[test]
    fn when_all_or_more_is_sold_the_operator_has_no_entry() {
        for hashrate in [100, 150] {
            let allocation = build(&[(Hash32([1; 32]), units(hashrate))], units(100), "log.example").unwrap();
            assert_eq!(allocation.units_of(&operator_id("log.example")), None);
            assert_eq!(allocation.total(), units(hashrate));
        }
    }
}
