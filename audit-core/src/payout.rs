//! Payouts: which outputs of a transaction pay which contract.
//!
//! In scope: the published file and what it must agree with. Out of scope: what is owed (`crate::liabilities`), whether
//! the transaction's block is on the chain (`crate::audit`).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{
    entry::CreditsRoot,
    hash::{BlockHash, Hash32},
    json::{JsonError, from_canonical, to_canonical},
    settlement::{Credit, SettleError, credits_root},
    text::hex_bytes,
    transaction::{Transaction, TransactionError, merkle_root},
    work::Sats,
};

/// Longest branch in a block: more than 2¹⁶ transactions don't fit.
pub const BRANCH_MAX: usize = 16;

/// `/payout/<txid>.json`. It changes once at most: when the transaction is in a block.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayoutFile {
    /// The transaction's id.
    pub txid: BlockHash,
    /// The transaction, non-witness serialisation.
    #[serde(with = "hex_bytes")]
    pub transaction: Vec<u8>,
    /// The block that it is in; null until then.
    pub block: Option<BlockHash>,
    /// Its position in the block; 0 until then.
    pub index: u32,
    /// Its siblings on the way to the block's merkle root; none until then.
    pub branch: Vec<Hash32>,
    /// What each contract is paid; ids strictly increasing.
    pub outputs: Vec<PayoutRow>,
}

/// What one contract is paid. In JSON `[<sats>,"<id>",<vout>]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayoutRow {
    /// How much, at least 1.
    pub sats: Sats,
    /// Contract id.
    pub id: Hash32,
    /// The output that pays it, alone or together with other contracts of the same owner.
    pub vout: u32,
}

/// Why a payout's file contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PayoutError {
    /// The transaction can't be read.
    #[error("transaction: {0}")]
    Transaction(#[from] TransactionError),
    /// It is a block's first transaction, which pays nobody but the pool.
    #[error("the transaction is a coinbase")]
    Coinbase,
    /// The file is named after another transaction.
    #[error("the transaction is {0}")]
    Txid(BlockHash),
    /// Without a block there is neither position nor branch; with one, a position above 0 in a tree of at most
    /// [`BRANCH_MAX`] levels.
    #[error("position {index} and {branch} siblings don't fit the block")]
    Position {
        /// The position.
        index: u32,
        /// Length of the branch.
        branch: usize,
    },
    /// An output does not pay what its rows say.
    #[error("output {vout} pays {pays} sats, its rows say {rows}")]
    Output {
        /// Which output.
        vout: u32,
        /// Its value; 0 when there is no such output.
        pays: Sats,
        /// Sum of the rows that name it.
        rows: Sats,
    },
}

impl PayoutFile {
    /// The transaction, when the file agrees with it and with itself: its id, its place in a block, and for each output
    /// that a row names, that the rows sum to its value.
    ///
    /// # Errors
    /// See [`PayoutError`].
    pub fn transaction(&self) -> Result<Transaction, PayoutError> {
        let transaction = Transaction::parse(&self.transaction)?;
        if transaction.is_coinbase() {
            return Err(PayoutError::Coinbase);
        }
        if transaction.txid != self.txid {
            return Err(PayoutError::Txid(transaction.txid));
        }
        let fits = match self.block {
            None => self.index == 0 && self.branch.is_empty(),
            Some(_) => self.index > 0 && self.branch.len() <= BRANCH_MAX && self.merkle_root().is_some(),
        };
        if !fits {
            return Err(PayoutError::Position { index: self.index, branch: self.branch.len() });
        }
        for (vout, rows) in self.rows_by_output() {
            let output = usize::try_from(vout).ok().and_then(|vout| transaction.outputs.get(vout));
            let pays = output.map(|output| output.sats).unwrap_or_default();
            if pays != rows {
                return Err(PayoutError::Output { vout, pays, rows });
            }
        }
        Ok(transaction)
    }

    /// Root of the merkle tree that the branch leads to; `None` when the position is outside of it.
    pub fn merkle_root(&self) -> Option<[u8; 32]> {
        merkle_root(&self.txid, self.index, &self.branch)
    }

    /// Count, sum and root over what each contract is paid.
    ///
    /// # Errors
    /// Rows of zero, ids out of order, or more satoshis than there are.
    pub fn outputs_root(&self) -> Result<CreditsRoot, SettleError> {
        let rows: Vec<Credit> = self.outputs.iter().map(|row| Credit { sats: row.sats, id: row.id }).collect();
        credits_root(&rows)
    }

    /// The row of a contract.
    pub fn of(&self, id: &Hash32) -> Option<PayoutRow> {
        self.outputs.iter().find(|row| row.id == *id).copied()
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses the file.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JsonError> {
        from_canonical(bytes)
    }

    /// The path of a payout.
    pub fn path(txid: &BlockHash) -> String {
        alloc::format!("payout/{txid}.json")
    }

    /// Sum of the rows of each output that is named, at most all satoshis: [`PayoutFile::outputs_root`] refuses more.
    fn rows_by_output(&self) -> BTreeMap<u32, Sats> {
        let mut sums = BTreeMap::<u32, Sats>::new();
        for row in &self.outputs {
            let sum = sums.entry(row.vout).or_default();
            *sum = sum.checked_add(row.sats).unwrap_or(Sats::MAX);
        }
        sums
    }
}

impl Serialize for PayoutRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.sats, self.id, self.vout).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PayoutRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <(Sats, Hash32, u32)>::deserialize(deserializer).map(|(sats, id, vout)| Self { sats, id, vout })
    }
}

#[cfg(test)]
mod tests;
