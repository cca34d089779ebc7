//! What the server writes for people: statements and the ledger, held against the chain.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};

use super::market::Market;
use super::orders::Customer;
use super::proof::Paid;

/// The ledger's balances by account.
type Balances = BTreeMap<String, i64>;

impl Market {
    /// The book agrees with log and chain by its own check, its export with what is paid and owed, statements with credits.
    pub(super) async fn check_the_books(&self, paid: &Paid) -> anyhow::Result<()> {
        let books = self.server.check_books()?;
        ensure!(books.held, "{}", books.said);
        let export = self.server.operator()?.text("admin/ledger/export").await?;
        let rows = rows(&export)?;
        let balances = balances(&rows)?;
        let sum = |prefix: &str| -> i64 {
            balances.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, sats)| sats).sum()
        };
        assert_eq!(-sum("liability:credits:"), i64::try_from(paid.owed_sats)?, "what is owed");
        assert_eq!(sum("liability:in_flight:"), 0, "nothing is under way");
        assert_eq!(sum("asset:contract_payments"), i64::try_from(paid.payments_sats)?, "what came in");
        assert_eq!(sum("asset:contract_payments"), -sum("income:contract_sales") - sum("liability:overpaid:"));
        ensure!(sum("income:fee") < 0 && sum("income:maintenance") < 0 && sum("expense:pps") > 0, "{balances:?}");
        let months: BTreeSet<&str> = rows.iter().filter_map(|row| row["time_utc"].get(..7)).collect();
        for customer in &self.customers {
            check_statements(customer, &months).await?;
        }
        Ok(())
    }
}

/// Every transaction sums to zero; what each account sums to.
fn balances(rows: &[BTreeMap<&str, &str>]) -> anyhow::Result<Balances> {
    let (mut transactions, mut balances) = (BTreeMap::<&str, i64>::new(), Balances::new());
    for row in rows {
        let sats: i64 = row["amount_sats"].parse()?;
        *transactions.entry(row["transaction"]).or_default() += sats;
        *balances.entry(row["account"].to_owned()).or_default() += sats;
    }
    ensure!(transactions.values().all(|sum| *sum == 0), "a transaction does not sum to zero");
    Ok(balances)
}

/// What statements say was paid, credited and paid out is what happened.
async fn check_statements(customer: &Customer, months: &BTreeSet<&str>) -> anyhow::Result<()> {
    let (mut price, mut credited, mut paid_out) = (0, 0, 0);
    for month in months {
        for row in rows(&customer.api.text(&format!("account/statements/{month}")).await?)? {
            let number = |name: &str| if row[name].is_empty() { Ok(0) } else { row[name].parse::<i64>() };
            price += number("price_sats")?;
            match row["kind"] {
                "opening_balance" | "contract_payment" => {}
                "payout" => paid_out -= number("amount_sats")?,
                _ => credited += number("amount_sats")?,
            }
        }
    }
    let contract = customer.api.contract(&customer.contract.id).await?;
    let unpaid = customer.api.contract_unpaid(&customer.contract.id).await?;
    assert_eq!(price, i64::try_from(contract.price_sats)?, "price of {}", customer.address);
    assert_eq!(credited, i64::try_from(contract.credited_sats)?, "credits of {}", customer.address);
    assert_eq!(paid_out, i64::try_from(contract.credited_sats - unpaid)?, "payouts to {}", customer.address);
    Ok(())
}

/// The rows of a CSV file by the names of its columns. No field of ours has a comma or a quote.
fn rows(csv: &str) -> anyhow::Result<Vec<BTreeMap<&str, &str>>> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().context("no header")?.split(',').collect();
    let row = |line| {
        let fields: Vec<&str> = str::split(line, ',').collect();
        ensure!(fields.len() == names.len() && !line.contains('"'), "not understood: {line}");
        Ok(names.iter().copied().zip(fields).collect())
    };
    lines.map(row).collect()
}
