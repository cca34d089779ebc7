//! Comma-separated values (RFC 4180) that no spreadsheet takes for formulas.

use super::{Row, Statement, timestamp};
use crate::db::ledger::Line;

const HEADER: &str = "time_utc,contract,contract_id,kind,reference,price_sats,amount_sats,balance_sats,txid,log_index";

pub(super) fn statement(statement: &Statement) -> String {
    let mut csv = format!("{HEADER}\r\n");
    for contract in &statement.contracts {
        let names = [contract.id.to_string(), contract.contract_id.to_string()];
        let (from_ms, _) = statement.month.range_ms();
        let opening = ["opening_balance", "", "", "0", &contract.opening_sats.to_string(), "", ""].map(field);
        csv.push_str(&line([timestamp(from_ms)].into_iter().chain(names.clone()).chain(opening)));
        for row in &contract.rows {
            csv.push_str(&line([timestamp(row.at_ms)].into_iter().chain(names.clone()).chain(fields(row))));
        }
    }
    csv
}

/// The first line of the whole book's export.
pub fn ledger_header() -> String {
    "time_utc,transaction,kind,reference,log_index,txid,line,account,amount_sats\r\n".into()
}

/// A posting of the whole book's export.
pub fn ledger_row(posting: &Line) -> String {
    line([
        timestamp(posting.created_ms),
        field(&posting.transaction),
        field(&posting.kind),
        field(&posting.reference),
        posting.log_index.map(|index| index.to_string()).unwrap_or_default(),
        posting.txid.map(|txid| txid.to_string()).unwrap_or_default(),
        posting.line.to_string(),
        field(&posting.account),
        posting.amount_sats.to_string(),
    ])
}

fn fields(row: &Row) -> [String; 7] {
    let is_purchase = row.price_sats.is_some();
    [
        field(&row.kind),
        field(&row.reference),
        row.price_sats.map(|sats| sats.to_string()).unwrap_or_default(),
        row.amount_sats.to_string(),
        if is_purchase { String::new() } else { row.balance_sats.to_string() },
        row.txid.map(|txid| txid.to_string()).unwrap_or_default(),
        row.log_index.to_string(),
    ]
}

fn line(fields: impl IntoIterator<Item = String>) -> String {
    let mut line = fields.into_iter().collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A text as a field: quoted where RFC 4180 asks for it, and with an apostrophe where a spreadsheet would compute (OWASP,
/// CSV injection). A whole number is none of these cases.
fn field(text: &str) -> String {
    let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let computes = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number;
    let text = if computes { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"so\"", "\"say \"\"so\"\"\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-12", "-12"),
            ("-1+1", "'-1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("=HYPERLINK(\"http://x\",1)", "\"'=HYPERLINK(\"\"http://x\"\",1)\""),
        ] {
            assert_eq!(field(text), expected);
        }
    }
}
