//! liab.sum and payout.mine: what is owed, what backs it and what was paid, followed through the log entry by entry.
//!
//! Kept in memory: a sum for each contract that is owed something; a coin for each output of a matured block, and an
//! outpoint for each input of a payout; some 200 bytes for each payout; and the file of one entry at a time.

mod coins;
mod confirmed;
mod lists;
mod payouts;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{
    AuditRequest, CheckId, ContractQuery, Evidence, Place, chain::ChainSide, credited::Credited, evidence::Source,
    log::Log, report::Findings,
};
use crate::{
    allocation::operator_id,
    hash::{BlockHash, Hash32},
    liabilities::{Balances, Coin, LiabilitiesFile},
    settlement::Credit,
    work::Sats,
};
use coins::Coins;
use confirmed::InBlock;
use lists::Lists;

/// Longest list or payout file that is read, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// What is owed, as an outsider keeps the books, in the order of the log: what credits is judged epoch by epoch, so a
/// settlement's credits wait for those of an earlier accrual or conclusion, and the other way round. The entries between them are read in
/// between.
pub(super) struct Debts<'a> {
    log: &'a Log,
    balances: Balances,
    /// Whether a credit or a payout could not be read, so that no balance is known any more.
    unknown: bool,
    /// Leaf indices of the entries that credit.
    crediting: Vec<u64>,
    /// How many of them are owed.
    credited: usize,
    /// Published credits that wait for earlier ones.
    waiting: BTreeMap<u64, Option<Vec<Credit>>>,
    /// Positions of the next epoch, payout and list in the log's lists.
    next_epoch: usize,
    next_payout: usize,
    next_list: usize,
    coins: Coins,
    lists: Lists,
    /// Transactions of the payouts so far.
    payouts: BTreeSet<BlockHash>,
    /// Of them those that say which block they are in.
    in_blocks: Vec<InBlock>,
    mine: Option<Mine>,
}

/// The contract that was asked for.
pub(super) struct Mine {
    id: Hash32,
    /// Where its payouts must go; `None` without the buyer's receipt.
    script: Option<Vec<u8>>,
    credited: Sats,
    /// In all logged payouts.
    pub(super) paid: Sats,
    /// Of it in blocks of the best chain.
    confirmed: Sats,
    /// Number of the newest list, what was owed then, and what it says.
    listed: Option<(u64, Sats, Sats)>,
    /// Whether every credit and payout was read.
    known: bool,
}

/// What the books came to.
pub(super) struct Owed {
    /// To all contracts.
    pub(super) unpaid: Sats,
    /// What the newest list's coins are worth.
    pub(super) coins: Sats,
    /// Of the contract that was asked for.
    pub(super) mine: Option<Mine>,
}

impl<'a> Debts<'a> {
    pub(super) fn new(log: &'a Log, request: &AuditRequest) -> Self {
        Self {
            log,
            balances: Balances::new(operator_id(&log.checkpoint.origin)),
            unknown: false,
            crediting: crediting(log),
            credited: 0,
            waiting: BTreeMap::new(),
            next_epoch: 0,
            next_payout: 0,
            next_list: 0,
            coins: Coins::of(log),
            lists: Lists::default(),
            payouts: BTreeSet::new(),
            in_blocks: Vec::new(),
            mine: request.contract.as_ref().map(Mine::of),
        }
    }

    /// What the blocks of an epoch pay.
    pub(super) fn add_coins(&mut self, coins: Vec<(BlockHash, Coin)>) {
        self.coins.add(coins);
    }

    /// Credits are owed as they are published: whether they are right is the business of settle.sum, accrual.sum and
    /// conclusion.sum.
    pub(super) async fn credit<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        credited: Credited,
        findings: &mut Findings,
    ) {
        self.waiting.insert(credited.index, credited.published);
        while let Some(index) = self.crediting.get(self.credited).copied() {
            let Some(published) = self.waiting.remove(&index) else { return };
            self.read_up_to(source, index, findings).await;
            self.credited += 1;
            self.owe(published);
        }
    }

    fn owe(&mut self, published: Option<Vec<Credit>>) {
        self.unknown |= published.is_none();
        for credit in published.iter().flatten() {
            self.unknown |= self.balances.credit(credit).is_none();
            if let Some(mine) = self.mine.as_mut().filter(|mine| mine.id == credit.id) {
                mine.credited = mine.credited.checked_add(credit.sats).unwrap_or(mine.credited);
            }
        }
    }

    /// What stands behind the last credits that could be judged.
    pub(super) async fn read_rest<E: Evidence>(&mut self, source: &mut Source<'_, E>, findings: &mut Findings) {
        if let Some(index) = self.crediting.get(self.credited).copied() {
            self.read_up_to(source, index, findings).await;
            self.unknown = true;
        }
        self.read_up_to(source, u64::MAX, findings).await;
    }

    pub(super) fn finish(mut self, chain: &ChainSide<'_>, findings: &mut Findings) -> Owed {
        self.coins.finish(findings);
        self.confirm(chain, findings);
        self.note_lists(findings);
        if let Some(mine) = &mut self.mine {
            mine.known = !self.unknown;
        }
        let unpaid = self.balances.total().unwrap_or_default();
        Owed { unpaid, coins: self.lists.coins, mine: self.mine }
    }

    /// Settlements logged before a leaf index.
    fn settled_before(&self, index: u64) -> u64 {
        self.log.settlements.partition_point(|(at, _)| *at < index) as u64
    }

    /// Reads what is before a leaf index, in order.
    async fn read_up_to<E: Evidence>(&mut self, source: &mut Source<'_, E>, end: u64, findings: &mut Findings) {
        let log = self.log;
        loop {
            let epoch = log.epochs.get(self.next_epoch).map(|epoch| epoch.open_index);
            let payout = log.payouts.get(self.next_payout).map(|(index, _)| *index);
            let list = log.liabilities.get(self.next_list).map(|(index, _)| *index);
            let Some(next) = [epoch, payout, list].into_iter().flatten().min().filter(|next| *next < end) else {
                return;
            };
            if let (Some(epoch), true) = (log.epochs.get(self.next_epoch), epoch == Some(next)) {
                self.next_epoch += 1;
                let is_owed = self.crediting.first().is_some_and(|first| *first < next);
                self.lists.epoch_opened(log, epoch, is_owed, findings);
            } else if let (Some((index, entry)), true) = (log.payouts.get(self.next_payout), payout == Some(next)) {
                self.next_payout += 1;
                self.pay(source, *index, entry, findings).await;
            } else if let Some((index, entry)) = log.liabilities.get(self.next_list) {
                self.next_list += 1;
                self.list(source, *index, entry, findings).await;
            }
        }
    }
}

/// Leaf indices of settlements, accruals and conclusions, ascending.
fn crediting(log: &Log) -> Vec<u64> {
    let settlements = log.settlements.iter().map(|(index, _)| *index);
    let by_time = log.accruals.iter().map(|(index, _)| *index);
    let ended = log.conclusions.iter().map(|(index, _)| *index);
    let mut indices: Vec<u64> = settlements.chain(by_time).chain(ended).collect();
    indices.sort_unstable();
    indices
}

impl Mine {
    fn of(query: &ContractQuery) -> Self {
        let script = match query {
            ContractQuery::Receipt(receipt) => receipt.details().ok().map(|details| details.payout_script),
            ContractQuery::Id(_) => None,
        };
        let (credited, paid, confirmed) = Default::default();
        Self { id: query.id(), script, credited, paid, confirmed, listed: None, known: true }
    }

    /// payout.mine, for a contract that is in the log.
    pub(super) fn note(&self, findings: &mut Findings) {
        if !self.known {
            return;
        }
        if let Some((number, owed, listed)) = self.listed {
            findings.equal(CheckId::PayoutMine, &LiabilitiesFile::path(number), "my unpaid balance", &owed, &listed);
        }
        let (paid, unpaid) = (self.paid, self.unpaid());
        let unconfirmed = paid.get().saturating_sub(self.confirmed.get());
        let detail = format!("{paid} sats paid, {unconfirmed} of them not confirmed, {unpaid} sats owed");
        match &self.script {
            Some(_) => findings.note(CheckId::PayoutMine, detail),
            None => {
                let why = format!("{detail}; whom the payouts paid is only known with the receipt");
                findings.not_bound(CheckId::PayoutMine, &why);
            }
        }
    }

    /// What is owed to it.
    pub(super) fn unpaid(&self) -> Sats {
        self.credited.get().checked_sub(self.paid.get()).and_then(Sats::new).unwrap_or_default()
    }
}

/// Fails `check` at an entry of the log.
fn fail_entry(log: &Log, index: u64, check: CheckId, expected: String, found: String, findings: &mut Findings) {
    findings.fail(check, Place::new(log.file_of(index), Some(index), expected, found));
}
