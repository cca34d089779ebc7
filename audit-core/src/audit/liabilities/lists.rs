//! The lists of what is owed: complete, backed by coins as they say, and in time.

use alloc::{
    format,
    string::{String, ToString},
};

use super::{CheckId, Debts, Evidence, FILE_MAX, Findings, Log, Place, Source, coins::Listed, fail_entry};
use crate::{
    audit::log::LogEpoch,
    entry::{CreditsRoot, Liabilities},
    liabilities::{LiabilitiesFile, OVERDUE_MS},
    settlement::SettleError,
    work::Sats,
};

/// The lists so far.
#[derive(Default)]
pub(super) struct Lists {
    count: u64,
    at_ms: u64,
    /// What the newest list says of all balances.
    balances: Sats,
    /// What the newest list's coins are worth.
    pub(super) coins: Sats,
    /// Start of the first epoch that was opened since the newest list.
    since_ms: Option<u64>,
    /// Whether it was told that the next list is overdue.
    overdue: bool,
}

impl Lists {
    /// Epochs may not go on for longer than [`OVERDUE_MS`] without a list, once something is settled.
    pub(super) fn epoch_opened(&mut self, log: &Log, epoch: &LogEpoch, settled: bool, findings: &mut Findings) {
        let LogEpoch { open, open_index, .. } = epoch;
        if !settled || self.overdue {
            return;
        }
        let since_ms = *self.since_ms.get_or_insert(open.start_ms);
        if open.start_ms.saturating_sub(since_ms) > OVERDUE_MS {
            self.overdue = true;
            let expected = format!("list {} before any epoch later than {}", self.count + 1, since_ms + OVERDUE_MS);
            let found = format!("none before epoch {}, which starts at {}", open.epoch, open.start_ms);
            fail_entry(log, *open_index, CheckId::LiabSum, expected, found, findings);
        }
    }

    fn listed(&mut self, entry: &Liabilities) {
        let (balances, coins) = (entry.balances.total_sats, entry.coins.total_sats);
        let count = self.count + 1;
        *self = Self { count, at_ms: entry.at_ms, balances, coins, since_ms: None, overdue: false };
    }
}

impl Debts<'_> {
    /// liab.sum: the list says of every contract what credits and payouts leave.
    pub(super) async fn list<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        index: u64,
        entry: &Liabilities,
        findings: &mut Findings,
    ) {
        self.entry_follows(index, entry, findings);
        self.lists.listed(entry);
        let path = LiabilitiesFile::path(entry.liabilities);
        let Some(bytes) = source.fetch(&path, FILE_MAX, CheckId::LiabSum, findings).await else { return };
        let file = match LiabilitiesFile::from_bytes(&bytes) {
            Ok(file) => file,
            Err(error) => {
                let place = Place::new(path, None, "a list of liabilities", error.to_string());
                return findings.fail(CheckId::LiabSum, place);
            }
        };
        findings.equal(CheckId::LiabSum, &path, "list", &entry.liabilities, &file.liabilities);
        committed(&path, "balances", entry.balances, file.balances_root(), findings);
        committed(&path, "coins", entry.coins, file.coins_root(), findings);
        if !self.unknown {
            self.balances_are_complete(&path, &file, findings);
        }
        for (row, coin) in (0..).zip(&file.coins) {
            let listed = Listed { index, number: entry.liabilities, row, coin: *coin };
            self.coins.list(listed, findings);
        }
        if let Some(mine) = &mut self.mine {
            let listed = file.balances.iter().find(|row| row.id == mine.id).map(|row| row.sats).unwrap_or_default();
            mine.listed = Some((entry.liabilities, mine.unpaid(), listed));
        }
    }

    pub(super) fn note_lists(&self, findings: &mut Findings) {
        let Lists { count, balances, coins, .. } = &self.lists;
        if self.unknown {
            return;
        }
        if *count == 0 {
            return findings.not_applicable(CheckId::LiabSum, "no list of what is owed is due yet");
        }
        let backed = match coins.get().saturating_mul(100).checked_div(balances.get()) {
            Some(percent) => format!("{percent} %"),
            None => "nothing owed".to_string(),
        };
        let unproven = match self.coins.unproven {
            0 => String::new(),
            rows => format!("; {rows} rows of coins not proven without their blocks"),
        };
        let newest = format!("{balances} sats owed, {coins} sats in coins ({backed})");
        findings.note(CheckId::LiabSum, format!("{count} lists; the newest: {newest}{unproven}"));
    }

    /// Lists are numbered, in order of time, and include every settlement before them.
    fn entry_follows(&self, index: u64, entry: &Liabilities, findings: &mut Findings) {
        let mut demand = |holds: bool, expected: String, found: String| {
            if !holds {
                fail_entry(self.log, index, CheckId::LiabSum, expected, found, findings);
            }
        };
        let (number, settlements, at_ms) = (self.lists.count + 1, self.settled_before(index), self.lists.at_ms);
        demand(entry.liabilities == number, format!("list {number}"), format!("list {}", entry.liabilities));
        let expected = format!("settlements up to {settlements}");
        demand(entry.settlement == settlements, expected, format!("up to {}", entry.settlement));
        demand(number == 1 || entry.at_ms > at_ms, format!("at_ms above {at_ms}"), entry.at_ms.to_string());
    }

    fn balances_are_complete(&self, path: &str, file: &LiabilitiesFile, findings: &mut Findings) {
        for (id, owed, stated) in self.balances.differences(&file.balances) {
            let row = file.balances.iter().position(|row| row.id == id).map(|row| row as u64);
            let expected = format!("{owed} sats owed to contract {id}");
            let found = if row.is_some() { format!("{stated} sats") } else { "not listed".to_string() };
            findings.fail(CheckId::LiabSum, Place::new(path, row, expected, found));
        }
    }
}

/// Count, sum and root of a part of the file are those of the entry.
fn committed(
    path: &str,
    what: &str,
    entry: CreditsRoot,
    file: Result<CreditsRoot, SettleError>,
    findings: &mut Findings,
) {
    let told = |root: CreditsRoot| format!("{} {what}, {} sats, root {}", root.count, root.total_sats, root.root);
    let found = file.map_or_else(|error| error.to_string(), told);
    let expected = told(entry);
    if expected != found {
        findings.fail(CheckId::LiabSum, Place::new(path, None, expected, found));
    }
}
