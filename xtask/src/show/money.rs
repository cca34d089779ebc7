//! The demonstration of money: what is sold, paid, credited and paid out, to the satoshi, whatever crashes.

use super::Row;
use super::chain::played;
use super::figures::{self, Figures, Proven};
use crate::{demo, setup};

const PROVEN: &[Proven] = &[
    Proven {
        what: "a quote is itemised and kept for its time; 300 buyers of 100 slots never oversell, on both databases",
        tests: &["api::quotes::", "api::purchase::", "api::hashprice::", "hashprice::"],
        figures: &[],
    },
    Proven {
        what: "each contract is paid at its own address on chain; under-, over-, late-paid and replaced end as promised",
        tests: &["payments::", "wallet::", "api::invoices::"],
        figures: &[],
    },
    Proven {
        what: "BTCPay Server takes payments as well: signed webhooks, retries, reconciliation",
        tests: &["payments::btcpay::", "api::btcpay::"],
        figures: &[],
    },
    Proven {
        what: "a contract lives as its terms say, and the verifier checks it",
        tests: &["life::", "lives::", "api::operator::a_contract_is_closed_early"],
        figures: &[],
    },
    Proven {
        what: "every scheme divides to the satoshi, on the page, in properties and over a simulated year",
        tests: &["schemes::", "schemes_page::", "scheme::", "settlement::", "accrual::", "accruals::"],
        figures: &[],
    },
    Proven {
        what: "the ledger is what log, chain and wallets say, and its check finds what is not",
        tests: &["books::", "db::ledger::", "api::ledger::"],
        figures: &[],
    },
    Proven {
        what: "payouts pay once: limits, cold keys, raised fees, and 50 kills on a real bitcoind",
        tests: &["payouts::", "api::payouts::"],
        figures: &["payout_kills"],
    },
    Proven {
        what: "payments, found blocks and payouts come through reorganisations of 1 to 6 blocks of a real bitcoind",
        tests: &[
            "payments::reorganisations_of_one_to_six_blocks",
            "payouts::fifty_kills_and_reorganisations",
            "blocks::",
        ],
        figures: &[],
    },
    Proven {
        what: "statements of every month and the whole book are exported",
        tests: &["api::statements::", "statements::"],
        figures: &[],
    },
    Proven {
        what: "20 contracts, every scheme, real payments and payouts, 2 reorganisations, 10 kills: all agrees, on SQLite",
        tests: &["money::twenty_contracts_of_every_scheme_are_paid_and_paid_out_on_sqlite"],
        figures: &["money_sqlite"],
    },
    Proven {
        what: "and on PostgreSQL",
        tests: &["money::twenty_contracts_of_every_scheme_are_paid_and_paid_out_on_postgresql"],
        figures: &["money_postgresql"],
    },
];

/// What has these tests: the rules, the server, its API, the verifier on logs in memory, and real processes.
const PACKAGES: &[&str] = &[
    "-p",
    "audit-core",
    "-p",
    "server",
    "-p",
    "auditor",
    "-p",
    "tests",
    "--lib",
    "--test",
    "api",
    "--test",
    "evidence",
    "--test",
    "suite",
];

/// Everything of the demonstration, in order.
pub(crate) fn show() -> anyhow::Result<Vec<Row>> {
    setup::machine()?;
    setup::frontend()?;
    demo::build_release()?;
    let mut rows = tested()?.proven(PROVEN);
    let folder = tempfile::tempdir()?;
    rows.extend(played(folder.path())?);
    Ok(rows)
}

fn tested() -> anyhow::Result<Figures> {
    let filters: Vec<&str> = PROVEN.iter().flat_map(|proven| proven.tests).copied().collect();
    figures::of_tests(PACKAGES, &filters)
}
