//! The coinbase of any miner: what it pays and what it anchors. The pool's own layout, which is far narrower, is read by
//! [`crate::coinbase`].

use alloc::vec::Vec;

use thiserror::Error;

use crate::{
    anchor::ANCHOR_SCRIPT_PREFIX,
    hash::Hash32,
    transaction::{Transaction, TransactionError, TxOutput},
    work::Sats,
};

/// Bytes of a coinbase's scriptSig (Bitcoin Core `CheckTransaction`).
const SCRIPT_SIG: core::ops::RangeInclusive<usize> = 2..=100;

/// What matters of a coinbase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnyCoinbase {
    /// In order.
    pub outputs: Vec<TxOutput>,
    /// The sum of their values.
    pub reward: Sats,
}

/// Why bytes are no coinbase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnyCoinbaseError {
    /// No transaction at all.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// Not one input, with a null previous output and a scriptSig of 2 to 100 bytes.
    #[error("not exactly one coinbase input")]
    Input,
    /// All outputs together pay too much.
    #[error("outputs of more than 21 million bitcoin")]
    Reward,
}

impl AnyCoinbase {
    /// Takes a coinbase apart, non-witness serialisation.
    ///
    /// # Errors
    /// See [`AnyCoinbaseError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AnyCoinbaseError> {
        let transaction = Transaction::parse(bytes)?;
        let script_fits = |input: &crate::transaction::TxInput| SCRIPT_SIG.contains(&input.script_sig.len());
        if !transaction.is_coinbase() || !transaction.inputs.iter().all(script_fits) {
            return Err(AnyCoinbaseError::Input);
        }
        let outputs = transaction.outputs;
        let reward = outputs.iter().try_fold(Sats::ZERO, |sum, output| sum.checked_add(output.sats));
        Ok(Self { outputs, reward: reward.ok_or(AnyCoinbaseError::Reward)? })
    }

    /// The hashes of outputs that look like an anchor, of whatever log.
    pub fn anchors(&self) -> impl Iterator<Item = Hash32> {
        self.outputs.iter().filter_map(|output| {
            let hash = output.script.strip_prefix(&ANCHOR_SCRIPT_PREFIX)?;
            hash.try_into().ok().map(Hash32)
        })
    }
}

#[cfg(test)]
mod tests;
