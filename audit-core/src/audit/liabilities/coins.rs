//! The coins that may back what is owed: outputs of matured blocks that no payout spent.
//!
//! A list may name coins of epochs that are still to be read, so what is not known yet is judged at the end.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Findings, Log, Place};
use crate::{hash::BlockHash, liabilities::Coin, transaction::OutPoint};

/// Listed coins at most that wait for their epochs. Honest lists have a day's blocks among them.
const WAITING_MAX: usize = 100_000;

/// All coins, spent and unspent.
pub(super) struct Coins {
    /// Leaf index of each `block_matured` whose coins are not known.
    matured: BTreeMap<BlockHash, u64>,
    /// With the leaf index from which on they can be spent.
    known: BTreeMap<OutPoint, (u64, Coin)>,
    /// With the leaf index of the payout that spent them.
    spent: BTreeMap<OutPoint, u64>,
    waiting: Vec<Listed>,
    /// Rows of lists that could not be judged, since a matured block's coins are not known: its shares failed, or were not
    /// recomputed at this depth.
    pub(super) unproven: u64,
}

/// A coin on a list.
pub(super) struct Listed {
    /// Leaf index of the list.
    pub(super) index: u64,
    /// Number of the list.
    pub(super) number: u64,
    /// Its row.
    pub(super) row: u64,
    /// What it says.
    pub(super) coin: Coin,
}

impl Coins {
    pub(super) fn of(log: &Log) -> Self {
        // Last first, so that of two entries on one block the earlier one counts.
        let fates = log.fates.iter().rev().filter(|(.., matured)| *matured);
        let matured = fates.map(|(index, block, _)| (*block, *index));
        Self {
            matured: matured.collect(),
            known: BTreeMap::new(),
            spent: BTreeMap::new(),
            waiting: Vec::new(),
            unproven: 0,
        }
    }

    /// What found blocks pay; only those that matured count.
    pub(super) fn add(&mut self, coins: Vec<(BlockHash, Coin)>) {
        for (block, coin) in &coins {
            if let Some(index) = self.matured.get(block) {
                self.known.insert(coin.point, (*index, *coin));
            }
        }
        for (block, _) in &coins {
            self.matured.remove(block);
        }
    }

    /// A payout spends an output; `false` when an earlier one did.
    pub(super) fn spend(&mut self, index: u64, point: OutPoint) -> bool {
        self.spent.insert(point, index).is_none()
    }

    /// A list names a coin.
    pub(super) fn list(&mut self, listed: Listed, findings: &mut Findings) {
        if self.known.contains_key(&listed.coin.point) || self.waiting.len() >= WAITING_MAX {
            self.judge(&listed, findings);
        } else {
            self.waiting.push(listed);
        }
    }

    /// Every epoch was read.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        for listed in core::mem::take(&mut self.waiting) {
            self.judge(&listed, findings);
        }
    }

    fn judge(&mut self, listed: &Listed, findings: &mut Findings) {
        if !self.known.contains_key(&listed.coin.point) && !self.matured.is_empty() {
            self.unproven += 1;
            return;
        }
        if let Some((expected, found)) = self.contradict(listed) {
            let path = crate::liabilities::LiabilitiesFile::path(listed.number);
            findings.fail(CheckId::LiabSum, Place::new(path, Some(listed.row), expected, found));
        }
    }

    /// What was expected, and what was found.
    fn contradict(&self, listed: &Listed) -> Option<(String, String)> {
        let found = told(&listed.coin);
        let spent = self.spent.get(&listed.coin.point).is_some_and(|index| *index < listed.index);
        match self.known.get(&listed.coin.point) {
            Some((_, coin)) if *coin != listed.coin => Some((told(coin), found)),
            Some((matured, _)) if *matured > listed.index => {
                Some((format!("a coin of a block that matured before entry {}", listed.index), found))
            }
            Some(_) if spent => {
                Some(("a coin that no payout spends".to_string(), format!("{found}, which one spends")))
            }
            Some(_) => None,
            None => Some(("an output of a matured block".to_string(), found)),
        }
    }
}

fn told(coin: &Coin) -> String {
    format!("{} sats in output {} of {} at height {}", coin.sats, coin.point.vout, coin.point.txid, coin.height)
}
