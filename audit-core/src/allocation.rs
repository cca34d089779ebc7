//! The allocation of an epoch: who has how many units of its work, fixed before the work is done.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{
    hash::Hash32,
    json::{JsonError, from_canonical, to_canonical},
    sum_tree::{SumLeaf, SumTreeError, sum_root},
    work::{Units, Work, apportion},
};

/// One contract's, or the operator's own, units. In JSON `["<units>","<id>"]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllocationEntry {
    /// H/s.
    pub units: Units,
    /// Contract id, or [`operator_id`].
    pub id: Hash32,
}

/// The whole list of an epoch, ids strictly increasing, with its sum-tree root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocation {
    entries: Vec<AllocationEntry>,
    root: AllocationRoot,
}

/// What `epoch_open` commits to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllocationRoot {
    /// Entries.
    pub count: u64,
    /// Sum of all units: the declared capacity in H/s.
    pub total: Units,
    /// Root of the sum tree; names the file `/allocation/<root>.json`.
    pub root: Hash32,
}

/// Why a list is no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllocationError {
    /// No entries.
    #[error("an allocation has at least one entry")]
    Empty,
    /// Not a sum tree.
    #[error(transparent)]
    Tree(#[from] SumTreeError),
    /// Not the file's JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllocationFile {
    entries: Vec<AllocationEntry>,
}

/// Id of the operator's own entry: SHA-256("provenhash/operator/v1\n" ‖ origin).
pub fn operator_id(origin: &str) -> Hash32 {
    Hash32::of(&[b"provenhash/operator/v1\n", origin.as_bytes()].concat())
}

impl Allocation {
    /// Sorts the entries by id and computes the root.
    ///
    /// # Errors
    /// An empty list, an id that occurs twice, a sum beyond 128 bits.
    pub fn new(mut entries: Vec<AllocationEntry>) -> Result<Self, AllocationError> {
        entries.sort_by_key(|entry| entry.id);
        Self::from_sorted(entries)
    }

    /// Parses the file `/allocation/<root>.json`.
    ///
    /// # Errors
    /// See [`AllocationError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AllocationError> {
        Self::from_sorted(from_canonical::<AllocationFile>(bytes)?.entries)
    }

    /// The file `/allocation/<root>.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(&AllocationFile { entries: self.entries.clone() })
    }

    /// The path of that file.
    pub fn path(root: &Hash32) -> alloc::string::String {
        alloc::format!("allocation/{root}.json")
    }

    /// The entries, ids strictly increasing.
    pub fn entries(&self) -> &[AllocationEntry] {
        &self.entries
    }

    /// Count, total and root hash.
    pub fn commitment(&self) -> AllocationRoot {
        self.root
    }

    /// Declared capacity in H/s.
    pub fn total(&self) -> Units {
        self.root.total
    }

    /// Root hash of the sum tree.
    pub fn root(&self) -> Hash32 {
        self.root.root
    }

    /// The units of an id.
    pub fn units_of(&self, id: &Hash32) -> Option<Units> {
        let index = self.entries.binary_search_by_key(id, |entry| entry.id).ok()?;
        self.entries.get(index).map(|entry| entry.units)
    }

    /// Divides the epoch's work by units, aligned with [`Allocation::entries`]; the parts sum to `work` exactly.
    pub fn divide(&self, work: Work) -> Vec<Work> {
        let weights: Vec<u128> = self.entries.iter().map(|entry| entry.units.get()).collect();
        // The weights' sum is the total, which the constructor checked.
        apportion(work.get(), &weights).unwrap_or_default().into_iter().map(Work::new).collect()
    }

    fn from_sorted(entries: Vec<AllocationEntry>) -> Result<Self, AllocationError> {
        let leaves: Vec<SumLeaf> =
            entries.iter().map(|entry| SumLeaf { amount: entry.units.get(), id: entry.id }).collect();
        let node = sum_root(&leaves)?;
        let total = Units::new(node.sum).ok_or(AllocationError::Empty)?;
        let root = AllocationRoot { count: entries.len() as u64, total, root: node.hash };
        Ok(Self { entries, root })
    }
}

impl Serialize for AllocationEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.units, self.id).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AllocationEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(Units, Hash32)>::deserialize(deserializer).map(|(units, id)| Self { units, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn entry(units: u128, id: u8) -> AllocationEntry {
        AllocationEntry { units: Units::new(units).unwrap(), id: Hash32([id; 32]) }
    }

    #[test]
    fn file_round_trips_and_is_sorted() {
        let allocation = Allocation::new(vec![entry(5, 9), entry(3, 1)]).unwrap();
        assert_eq!(allocation.total().get(), 8);
        assert_eq!(allocation.entries()[0].id, Hash32([1; 32]));
        assert_eq!(Allocation::from_bytes(&allocation.to_bytes()), Ok(allocation.clone()));
        assert_eq!(allocation.units_of(&Hash32([9; 32])), Units::new(5));
        assert_eq!(allocation.units_of(&Hash32([8; 32])), None);
    }

    #[test]
    fn a_contract_can_not_be_listed_twice_nor_the_list_be_empty() {
        assert_eq!(Allocation::new(vec![entry(1, 1), entry(2, 1)]), Err(AllocationError::Tree(SumTreeError::Order(1))));
        assert_eq!(Allocation::new(vec![]), Err(AllocationError::Empty));
        assert_eq!(Allocation::from_bytes(b"{\"entries\":[]}"), Err(AllocationError::Empty));
    }

    #[test]
    fn work_is_divided_without_remainder() {
        let allocation = Allocation::new(vec![entry(1, 1), entry(1, 2), entry(1, 3)]).unwrap();
        let parts = allocation.divide(Work::new(11));
        assert_eq!(parts, [Work::new(4), Work::new(4), Work::new(3)]);
    }
}
