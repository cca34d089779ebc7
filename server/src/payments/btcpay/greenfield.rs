//! The words of the Greenfield API that are understood here (BTCPay Server 2.4, `swagger.template.invoices.json`). Amounts
//! are decimal text; fields that are not named here are not looked at.

use audit_core::work::Sats;
use bitcoin::OutPoint;
use serde::Deserialize;

use crate::payments::GatewayError;

/// An id is one segment of a path, and short.
const ID_MAX: usize = 64;
/// Longest address of a page.
const PAGE_MAX: usize = 2_048;
/// Digits behind the point of a bitcoin amount.
const DECIMALS: usize = 8;
/// Digits that BTCPay's own decimals have at most (.NET's `System.Decimal`).
const DIGITS_MAX: usize = 29;

#[derive(Debug, Deserialize)]
pub(super) struct Health {
    pub(super) synchronized: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invoice {
    id: InvoiceId,
    amount: String,
    currency: String,
    checkout_link: String,
    /// Unix seconds.
    pub(super) created_time: u64,
    status: Status,
    additional_status: AdditionalStatus,
    #[serde(default)]
    metadata: Metadata,
}

/// An id that can be part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct InvoiceId(String);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    order_id: Option<String>,
}

/// Shown only, so a word of a later version does no harm.
#[derive(Clone, Copy, Debug, Deserialize)]
enum Status {
    New,
    Processing,
    Expired,
    Invalid,
    Settled,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum AdditionalStatus {
    None,
    PaidLate,
    PaidPartial,
    Marked,
    Invalid,
    PaidOver,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentMethod {
    pub(super) payment_method_id: String,
    pub(super) destination: Option<String>,
    pub(super) payments: Vec<Payment>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    pub(super) id: String,
    value: String,
    pub(super) status: PaymentStatus,
}

/// Decided by, so a word that is not known is an error.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum PaymentStatus {
    /// Seen, and not as deep as the invoice's speed asks for.
    Processing,
    Settled,
    /// Double-spent or replaced.
    Invalid,
}

impl TryFrom<String> for InvoiceId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=ID_MAX).contains(&text.len()) && text.bytes().all(fits) { Ok(Self(text)) } else { Err("no id") }
    }
}

impl Invoice {
    pub(super) fn id(&self) -> &str {
        &self.id.0
    }

    pub(super) fn order_id(&self) -> Option<&str> {
        self.metadata.order_id.as_deref()
    }

    pub(super) fn asks_for(&self, price: Sats) -> bool {
        self.currency == "BTC" && sats(&self.amount) == Some(price)
    }

    /// The page to pay on. Browsers follow it, so it must be a page.
    pub(super) fn page(&self) -> Result<&str, GatewayError> {
        let is_page = self.checkout_link.starts_with("https://") || self.checkout_link.starts_with("http://");
        if is_page && self.checkout_link.len() <= PAGE_MAX {
            return Ok(&self.checkout_link);
        }
        Err(GatewayError::Invoice(format!("{} has no page to pay on", self.id())))
    }

    /// Where it stands, such as `expired_paid_partial`.
    pub(super) fn status_word(&self) -> String {
        let status = match self.status {
            Status::New => "new",
            Status::Processing => "processing",
            Status::Expired => "expired",
            Status::Invalid => "invalid",
            Status::Settled => "settled",
            Status::Unknown => "unknown",
        };
        let additional = match self.additional_status {
            AdditionalStatus::None => "",
            AdditionalStatus::PaidLate => "_paid_late",
            AdditionalStatus::PaidPartial => "_paid_partial",
            AdditionalStatus::Marked => "_marked",
            AdditionalStatus::Invalid => "_invalid",
            AdditionalStatus::PaidOver => "_paid_over",
            AdditionalStatus::Unknown => "_unknown",
        };
        format!("{status}{additional}")
    }
}

impl Payment {
    pub(super) fn sats(&self) -> Option<Sats> {
        sats(&self.value)
    }
}

/// An amount in bitcoin, exactly.
pub(super) fn btc(amount: Sats) -> String {
    let sats = amount.get();
    format!("{}.{:08}", sats / 100_000_000, sats % 100_000_000)
}

/// The satoshis of a decimal number of bitcoin; `None` when it is no whole number of them.
pub(super) fn sats(text: &str) -> Option<Sats> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > DIGITS_MAX + 1 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let (counted, rest) = fraction.split_at(fraction.len().min(DECIMALS));
    if rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    Sats::new(format!("{whole}{counted:0<DECIMALS$}").parse().ok()?)
}

/// The output that a payment on chain is: NBitcoin writes `txid-vout`.
pub(super) fn outpoint(id: &str) -> Option<OutPoint> {
    id.replacen('-', ":", 1).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn amounts_are_read_as_they_are_written(amount in 0u64..=2_100_000_000_000_000) {
            let amount = Sats::new(amount).unwrap();
            prop_assert_eq!(sats(&btc(amount)), Some(amount));
            prop_assert_eq!(sats(&format!("{}0000", btc(amount))), Some(amount));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = (sats(&text), outpoint(&text), InvoiceId::try_from(text.clone()));
        }
    }

    #[test]
    fn amounts_have_no_fraction_of_a_satoshi_and_no_sign() {
        for text in ["", ".", "1.", ".1", "-1", "+1", "1e3", "0.000000001", "21000001", "0,1", " 1", "1.0.0"] {
            assert_eq!(sats(text), None, "{text}");
        }
        for (text, expected) in
            [("1", 100_000_000), ("0.1", 10_000_000), ("00.000000010", 1), ("21000000", 21 * 10u64.pow(14))]
        {
            assert_eq!(sats(text).map(Sats::get), Some(expected), "{text}");
        }
    }

    #[test]
    fn payments_are_named_as_on_chain() {
        let txid = "ab".repeat(32);
        assert_eq!(outpoint(&format!("{txid}-7")).unwrap().to_string(), format!("{txid}:7"));
        assert_eq!(outpoint(&format!("{txid}:7")).unwrap().to_string(), format!("{txid}:7"));
        assert_eq!(outpoint("lightning"), None);
    }

    #[test]
    fn every_status_has_a_word_also_one_of_a_later_version() {
        let word = |status: &str, additional: &str| {
            let invoice = serde_json::json!({ "id": "a", "amount": "1", "currency": "BTC", "checkoutLink": "https://x",
                "createdTime": 1, "status": status, "additionalStatus": additional });
            serde_json::from_value::<Invoice>(invoice).unwrap().status_word()
        };
        assert_eq!(word("Expired", "PaidPartial"), "expired_paid_partial");
        assert_eq!(word("Settled", "None"), "settled");
        assert_eq!(word("Frozen", "Odd"), "unknown_unknown");
    }

    #[test]
    fn a_payments_status_that_is_not_known_is_an_error() {
        let payment = |status| serde_json::json!({ "id": "a", "value": "1", "status": status });
        assert!(serde_json::from_value::<Payment>(payment("Settled")).is_ok());
        assert!(serde_json::from_value::<Payment>(payment("Odd")).is_err());
    }

    #[test]
    fn ids_can_only_be_one_segment_of_a_path() {
        for text in ["", "a/b", "..", "a b", "a?b", &"a".repeat(65)] {
            assert!(InvoiceId::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(InvoiceId::try_from("Kx9-_z".to_owned()).is_ok());
    }
}
