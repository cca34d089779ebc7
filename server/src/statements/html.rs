//! A statement for people and paper: one document without scripts, fonts or pictures.

use super::{ContractStatement, Row, Statement, timestamp};

/// Paper is white and A4 by default; a contract's table is not broken where that can be avoided.
const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111;background:#fff}\
    table{border-collapse:collapse;width:100%;margin:1em 0 2em}th,td{border-bottom:1px solid #bbb;padding:.3em .5em;text-align:left;vertical-align:top}\
    td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}code{overflow-wrap:anywhere;font-size:.85em}\
    @page{size:A4;margin:15mm}@media print{body{margin:0;max-width:none}section{break-inside:avoid-page}}";

pub(super) fn statement(statement: &Statement) -> String {
    let contracts: String = statement.contracts.iter().map(contract).collect();
    let nothing = if statement.contracts.is_empty() { "<p>Nothing happened in this month.</p>" } else { "" };
    let (month, email) = (statement.month, escape(&statement.email));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Statement {month}</title><style>{STYLE}</style></head><body>\
         <h1>Statement for {month}</h1><p>Account {email}. Times are UTC, amounts satoshis (1 BTC = 100,000,000). Credits \
         are net of the fee and the maintenance in the contract's terms; the miners' fees of payouts are the \
         operator's.</p>{nothing}{contracts}</body></html>\n"
    )
}

fn contract(contract: &ContractStatement) -> String {
    let rows: String = contract.rows.iter().map(row).collect();
    let (opening, closing) = (amount(contract.opening_sats), amount(contract.closing_sats()));
    let ContractStatement { id, contract_id, payout_address, .. } = contract;
    let address = escape(payout_address);
    format!(
        "<section><h2>Contract {id}</h2><p>In the log <code>{contract_id}</code>, paid to <code>{address}</code></p>\
         <table><thead><tr><th>Time</th><th>What</th><th>Reference</th><th class=\"n\">Price paid</th><th class=\"n\">Credited \
         or paid out</th><th class=\"n\">Balance owed</th></tr></thead><tbody><tr><td></td><td>Opening balance</td><td></td>\
         <td></td><td></td><td class=\"n\">{opening}</td></tr>{rows}<tr><td></td><td>Closing balance</td><td></td><td></td>\
         <td></td><td class=\"n\">{closing}</td></tr></tbody></table></section>"
    )
}

fn row(row: &Row) -> String {
    let (time, kind, reference) = (timestamp(row.at_ms), escape(&words(&row.kind)), escape(&row.reference));
    let txid = row.txid.map(|txid| format!("<br><code>{txid}</code>")).unwrap_or_default();
    let price = row.price_sats.map(|sats| sats.to_string()).unwrap_or_default();
    let (moved, balance) = match row.price_sats {
        Some(_) => (String::new(), String::new()),
        None => (amount(row.amount_sats), amount(row.balance_sats)),
    };
    let index = row.log_index;
    format!(
        "<tr><td>{time}</td><td>{kind}{txid}</td><td>{reference}<br>log entry {index}</td><td class=\"n\">{price}</td>\
         <td class=\"n\">{moved}</td><td class=\"n\">{balance}</td></tr>"
    )
}

fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

/// With a real minus sign, which does not break from its number.
fn amount(sats: i64) -> String {
    sats.to_string().replace('-', "\u{2212}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_customer_writes_becomes_markup() {
        let email = "<script>alert(1)</script>@example.org".to_owned();
        let statement = Statement { email, month: "2026-11".parse().unwrap(), contracts: Vec::new() };
        let html = statement.html();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
        assert!(html.contains("Nothing happened"));
    }
}
