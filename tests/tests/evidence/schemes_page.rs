//! `docs/SCHEMES.md` explains each scheme with an example: its numbers must be those that the rules give.

use std::{fs, path::PathBuf};

use audit_core::{
    accrual::accrue,
    allocation::{Allocation, AllocationEntry},
    chain::Network,
    entry::{ContractOpen, Maintenance, Refund, Scheme, Shortfall, Terms},
    hash::Hash32,
    life::{Change, ChangeKind, EpochSpan, Lived, LoggedContract},
    scheme::{Drawn, Price, TermsOf, Windows, Worth},
    settlement::{ContractWork, Settled, SettlementInputs, settle},
    work::{Nbits, Sats, Units, Work},
};
use tests::operator::terms;

/// 3.125 BTC, the reward of every example.
const REWARD: u64 = 312_500_000;

/// A row of an example: what goes in, and what comes out.
#[derive(Debug)]
struct Row {
    name: String,
    work: u128,
    in_window: u128,
    fee_ppm: u32,
    maintenance: u64,
    gross: u64,
    fee: u64,
    charged: u64,
    credit: u64,
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, work, in_window, fee_ppm, maintenance, gross, fee, charged, credit] = cells[..] else { return None };
        let number = |cell: &str| if cell.is_empty() { Some(0) } else { cell.parse::<u128>().ok() };
        let small = |cell: &str| number(cell).and_then(|number| u64::try_from(number).ok());
        Some(Self {
            name: name.into(),
            work: number(work)?,
            in_window: number(in_window)?,
            fee_ppm: u32::try_from(number(fee_ppm)?).ok()?,
            maintenance: small(maintenance)?,
            gross: small(gross)?,
            fee: small(fee)?,
            charged: small(charged)?,
            credit: small(credit)?,
        })
    }

    fn id(&self) -> Hash32 {
        Hash32::of(self.name.as_bytes())
    }

    fn terms(&self, scheme: Scheme) -> Terms {
        let rate = Sats::new(self.maintenance).expect("a small rate");
        let maintenance = if self.maintenance == 0 { Maintenance::Included } else { Maintenance::SatsPerThsDay(rate) };
        Terms { scheme, fee_ppm: self.fee_ppm, maintenance, ..terms() }
    }
}

/// The rows of the example whose table begins with this word.
fn example(name: &str) -> Vec<Row> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/SCHEMES.md");
    let page = fs::read_to_string(page).expect("docs/SCHEMES.md is in the checkout");
    let table = page.lines().skip_while(|line| !line.starts_with(&format!("| {name} |"))).skip(2);
    let rows: Vec<Row> = table.map_while(Row::read).collect();
    assert!(rows.len() > 2, "{rows:?}");
    rows
}

/// The example of a scheme; `drawn` is what becomes of the blocks, given the id of the first contract.
#[track_caller]
fn check(name: &str, scheme_of: impl Fn(&Row) -> Scheme, drawn: impl Fn(Hash32) -> Drawn) {
    let rows = example(name);
    let customers = || rows.iter().filter(|row| row.name != "operator");
    let terms: TermsOf = customers().map(|row| (row.id(), row.terms(scheme_of(row)))).collect();
    let mut work = ContractWork::default();
    rows.iter().try_for_each(|row| work.add(row.id(), Work::new(row.work))).expect("little work");
    let mut windows = Windows::of(&terms, &work);
    let in_window = rows.iter().map(|row| (row.id(), Work::new(row.in_window))).collect();
    windows.add_older(&in_window, &terms).expect("little work");
    let drawn = drawn(rows[0].id());
    let total = drawn.reward().expect("few blocks").get();
    let settled = settle(&SettlementInputs {
        work,
        windows,
        terms,
        operator: Hash32::of(b"operator"),
        drawn,
        carry_in: Sats::ZERO,
    })
    .expect("sound inputs");
    compare(&rows, &settled);
    assert_eq!(rows.iter().map(|row| row.gross).sum::<u64>(), total);
}

#[track_caller]
fn compare(rows: &[Row], settled: &Settled) {
    for row in rows {
        let credit = settled.credits.iter().find(|credit| credit.id == row.id()).map_or(0, |credit| credit.sats.get());
        assert_eq!(credit, row.credit, "{row:?}");
        assert_eq!(row.gross, row.fee + row.charged + row.credit, "{row:?}");
    }
    assert_eq!(settled.fee.get(), rows.iter().map(|row| row.fee).sum::<u64>());
    assert_eq!(settled.maintenance.get(), rows.iter().map(|row| row.charged).sum::<u64>());
}

fn pooled(rewards: u64) -> Drawn {
    Drawn { pooled: Sats::new(rewards * REWARD).expect("few blocks"), ..Drawn::default() }
}

#[test]
fn the_proportional_example_is_right() {
    check("proportional", |_| Scheme::Proportional, |_| pooled(1));
}

#[test]
fn the_pplns_example_is_right() {
    check("PPLNS", |_| Scheme::Pplns { window_work: Work::new(200) }, |_| pooled(1));
}

#[test]
fn the_solo_example_is_right() {
    let scheme = |row: &Row| if row.name == "A" { Scheme::Solo } else { Scheme::Proportional };
    let reward = Sats::new(REWARD).expect("a block");
    check("solo", scheme, |id| Drawn { solo: [(id, reward)].into(), ..pooled(1) });
}

#[test]
fn the_examples_that_are_paid_by_time_are_right() {
    let id = |row: &Row| Hash32::of(row.name.as_bytes());
    for row in example("by time") {
        let scheme = if row.name == "PPS" { Scheme::Pps } else { Scheme::Fpps };
        let terms = TermsOf::from([(id(&row), row.terms(scheme))]);
        let price = Price::of(Network::Bitcoin, 840_000, Nbits::new(0x1b00_199a), 20_000).expect("a target");
        let units = Units::new(1).expect("positive");
        let allocation = Allocation::new(vec![AllocationEntry { units, id: id(&row) }]).expect("one contract");
        let mut worth = Worth::default();
        worth.add_epoch(&allocation, Work::new(row.work), &price, &terms).expect("little work");
        let accrued = accrue(&worth, &terms).expect("little work");
        let credit: u64 = accrued.credits.iter().map(|credit| credit.sats.get()).sum();
        let found = [accrued.gross.get(), accrued.fee.get(), accrued.maintenance.get(), credit];
        assert_eq!(found, [row.gross, row.fee, row.charged, row.credit], "{row:?}");
    }
}

/// An example of what is paid back.
#[derive(Debug)]
struct PaidBack {
    days_run: u64,
    days_suspended: u64,
    work: u128,
    tolerance_ppm: u32,
    refund: u64,
    make_good: u64,
}

impl PaidBack {
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, days_run, days_suspended, work, tolerance_ppm, refund, make_good] = cells[..] else { return None };
        Some(Self {
            days_run: days_run.parse().ok()?,
            days_suspended: days_suspended.parse().ok()?,
            work: work.parse().ok()?,
            tolerance_ppm: tolerance_ppm.parse().ok()?,
            refund: refund.parse().ok()?,
            make_good: make_good.parse().ok()?,
        })
    }

    /// Opened at leaf 0; day d is an epoch that opens at leaf 2d + 2, and what changes on it stands before.
    fn contract(&self) -> LoggedContract {
        let shortfall = Shortfall::MakeGood { tolerance_ppm: self.tolerance_ppm };
        let open = ContractOpen {
            contract: Hash32([1; 32]),
            units: Units::new(100_000_000_000_000).expect("positive"),
            from_ms: 0,
            until_ms: 10 * DAY_MS,
            price_sats: Sats::new(1_000_000).expect("a small price"),
            terms: 1,
        };
        let change = |day: u64, kind| Change { index: 2 * day + 1, kind };
        let closed = change(self.days_run + self.days_suspended, ChangeKind::Closed);
        let changes = vec![change(self.days_run, ChangeKind::Suspended), closed];
        LoggedContract {
            open_index: 0,
            open,
            terms: Terms { shortfall, refund: Refund::UnusedTime, ..terms() },
            changes,
        }
    }
}

const DAY_MS: u64 = 86_400_000;

#[test]
fn the_examples_of_what_is_paid_back_are_right() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/SCHEMES.md");
    let page = fs::read_to_string(page).expect("docs/SCHEMES.md is in the checkout");
    let table = page.lines().skip_while(|line| !line.starts_with("| paid back |")).skip(2);
    let rows: Vec<PaidBack> = table.map_while(PaidBack::read).collect();
    assert!(rows.len() > 4, "{rows:?}");
    for row in rows {
        let (contract, mut lived) = (row.contract(), Lived::default());
        for day in 0..row.days_run + row.days_suspended {
            let span = EpochSpan { open_index: 2 * day + 2, start_ms: day * DAY_MS, end_ms: (day + 1) * DAY_MS };
            let part = Work::new(row.work / u128::from(row.days_run));
            lived.add_epoch(&contract, &span, part).expect("little work");
        }
        let owed = lived.owed(&contract).expect("a small price");
        assert_eq!((owed.refund.get(), owed.make_good.get()), (row.refund, row.make_good), "{row:?}");
    }
}
