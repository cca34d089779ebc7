//! Conclusions: what contracts that ended in a period are owed, as it is published.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Owed;
use crate::{
    entry::{Conclusion, CreditsRoot},
    hash::Hash32,
    json::{from_canonical, to_canonical},
    settlement::{Credit, SettleError, credits_root, to_sats},
    work::Sats,
};

/// What a period's conclusion gives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concluded {
    /// Ids strictly increasing, none without satoshis.
    pub rows: Vec<ConclusionRow>,
}

/// What one contract is owed. In JSON `[<refund>,<make-good>,"<id>"]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConclusionRow {
    /// For unused time, for missing work.
    pub owed: Owed,
    /// Contract id.
    pub id: Hash32,
}

/// `/conclusion/<number>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConclusionFile {
    /// Number.
    pub conclusion: u64,
    /// Ids strictly increasing.
    pub rows: Vec<ConclusionRow>,
}

impl Concluded {
    /// The rows of the contracts that are owed something; `None` when none is.
    pub fn of(owed: impl IntoIterator<Item = (Hash32, Owed)>) -> Option<Self> {
        let rows = owed.into_iter().map(|(id, owed)| ConclusionRow { owed, id });
        let mut rows: Vec<ConclusionRow> = rows.filter(|row| row.owed != Owed::default()).collect();
        rows.sort_unstable_by_key(|row| row.id);
        (!rows.is_empty()).then_some(Self { rows })
    }

    /// The entry of the conclusion of the period with this number, which has `every` epochs.
    ///
    /// # Errors
    /// See [`SettleError`].
    pub fn entry(&self, conclusion: u64, every: u64) -> Result<Conclusion, SettleError> {
        let sum = |of: fn(&Owed) -> Sats| to_sats(self.rows.iter().map(|row| u128::from(of(&row.owed).get())).sum());
        Ok(Conclusion {
            conclusion,
            from_epoch: (conclusion - 1) * every + 1,
            to_epoch: conclusion * every,
            refund_sats: sum(|owed| owed.refund)?,
            make_good_sats: sum(|owed| owed.make_good)?,
            credits: root(&self.rows)?,
        })
    }
}

impl ConclusionRow {
    /// Both together.
    pub fn credit(&self) -> Option<Credit> {
        Some(Credit { sats: self.owed.refund.checked_add(self.owed.make_good)?, id: self.id })
    }
}

impl ConclusionFile {
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

    /// What each contract is credited.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn credits(&self) -> Result<Vec<Credit>, SettleError> {
        credits(&self.rows)
    }

    /// Count, sum and root of the sum tree over the credits.
    ///
    /// # Errors
    /// See [`SettleError`].
    pub fn root(&self) -> Result<CreditsRoot, SettleError> {
        root(&self.rows)
    }

    /// The path of a conclusion's file.
    pub fn path(conclusion: u64) -> String {
        alloc::format!("conclusion/{conclusion}.json")
    }
}

fn credits(rows: &[ConclusionRow]) -> Result<Vec<Credit>, SettleError> {
    rows.iter().map(|row| row.credit().ok_or(SettleError::Overflow)).collect()
}

fn root(rows: &[ConclusionRow]) -> Result<CreditsRoot, SettleError> {
    credits_root(&credits(rows)?)
}

impl Serialize for ConclusionRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.owed.refund, self.owed.make_good, self.id).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ConclusionRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (refund, make_good, id) = <(Sats, Sats, Hash32)>::deserialize(deserializer)?;
        Ok(Self { owed: Owed { refund, make_good }, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_owed_nothing_has_no_row_and_the_sums_are_those_of_the_rows() {
        let sats = |sats| Sats::new(sats).unwrap();
        let owed = |refund, make_good| Owed { refund: sats(refund), make_good: sats(make_good) };
        let id = |byte| Hash32([byte; 32]);
        assert_eq!(Concluded::of([(id(1), owed(0, 0))]), None);
        let concluded = Concluded::of([(id(9), owed(5, 2)), (id(1), owed(0, 0)), (id(3), owed(0, 4))]).unwrap();
        let entry = concluded.entry(2, 288).unwrap();
        assert_eq!((entry.from_epoch, entry.to_epoch), (289, 576));
        assert_eq!((entry.refund_sats, entry.make_good_sats), (sats(5), sats(6)));
        assert_eq!((entry.credits.count, entry.credits.total_sats), (2, sats(11)));
        let file = ConclusionFile { conclusion: 2, rows: concluded.rows };
        assert_eq!(ConclusionFile::from_bytes(&file.to_bytes()), Ok(file.clone()));
        assert_eq!(file.root(), Ok(entry.credits));
        let text = alloc::format!(r#"{{"conclusion":2,"rows":[[0,4,"{}"],[5,2,"{}"]]}}"#, id(3), id(9));
        assert_eq!(file.to_bytes(), text.as_bytes());
    }
}
