//! What a BTCPay Server tells by itself: a hint that an invoice should be read again, and never more than that.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use thiserror::Error;

use super::{NAME, Secret};
use crate::db::{Database, DbError, invoices};
use crate::payments::Invoicing;

/// Deliveries that are remembered. A repeat of an older one costs one reading of its invoice.
const REMEMBERED: usize = 1_024;
/// Longest id of a delivery.
const ID_MAX: usize = 128;

/// Takes deliveries in. Cheap to clone.
#[derive(Clone)]
pub struct Webhook(Arc<Inner>);

struct Inner {
    secret: Secret,
    store: String,
    database: Database,
    invoicing: Invoicing,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    ids: HashSet<String>,
    oldest: VecDeque<String>,
}

/// Why a delivery was not taken in.
#[derive(Debug, Error)]
pub enum WebhookRefused {
    #[error("the signature is not of this server's webhook secret")]
    Signature,
    #[error("signed, but no delivery of this store's: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    delivery_id: String,
    /// Of the first try, when this is a repeat.
    original_delivery_id: Option<String>,
    store_id: String,
    invoice_id: Option<String>,
}

impl Webhook {
    /// Hints go to `invoicing`.
    pub fn new(secret: Secret, store: &str, database: Database, invoicing: Invoicing) -> Self {
        Self(Arc::new(Inner { secret, store: store.into(), database, invoicing, taken: Mutex::default() }))
    }

    /// Takes in a delivery: its body as it came and its header `BTCPay-Sig`. `false` when it was there before.
    ///
    /// # Errors
    /// See [`WebhookRefused`].
    pub async fn take_in(&self, body: &[u8], signature: &str) -> Result<bool, WebhookRefused> {
        if !is_signed(self.0.secret.expose(), body, signature) {
            return Err(WebhookRefused::Signature);
        }
        let delivery = Delivery::parse(body, &self.0.store).map_err(WebhookRefused::Unreadable)?;
        if !self.0.is_new(delivery.id()) {
            return Ok(false);
        }
        let Some(invoice) = &delivery.invoice_id else { return Ok(true) };
        match invoices::by_gateway_invoice(self.0.database.pool(), NAME, invoice).await {
            Ok(contract) => contract.into_iter().for_each(|contract| self.0.invoicing.hint(contract)),
            Err(error) => {
                self.0.forget(delivery.id());
                return Err(error.into());
            }
        }
        Ok(true)
    }
}

impl Inner {
    fn is_new(&self, id: &str) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.ids.insert(id.to_owned()) {
            return false;
        }
        taken.oldest.push_back(id.to_owned());
        if taken.oldest.len() > REMEMBERED
            && let Some(oldest) = taken.oldest.pop_front()
        {
            taken.ids.remove(&oldest);
        }
        true
    }

    fn forget(&self, id: &str) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.ids.remove(id);
        taken.oldest.retain(|known| known != id);
    }
}

impl Delivery {
    fn parse(body: &[u8], store: &str) -> Result<Self, String> {
        let delivery: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if delivery.store_id != store {
            return Err("it is of another store".into());
        }
        if delivery.id().len() > ID_MAX {
            return Err(format!("its id is longer than {ID_MAX} bytes"));
        }
        Ok(delivery)
    }

    fn id(&self) -> &str {
        self.original_delivery_id.as_ref().unwrap_or(&self.delivery_id)
    }
}

/// `sha256=` and the HMAC-SHA256 of the body in lower-case hex, compared in constant time.
fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    let Some(tag) = signature.strip_prefix("sha256=").and_then(|tag| hex::decode(tag).ok()) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with BTCPay's own construction: HMAC-SHA256 over the raw body, keyed with the secret's UTF-8 bytes.
    const SIGNATURE: &str = "sha256=53be2d84690b266d6509adde79de730685f29c761734a2a5c5602219157cd143";

    #[test]
    fn a_signature_is_of_one_secret_and_one_body() {
        assert!(is_signed("secret", br#"{"type":"InvoiceSettled"}"#, SIGNATURE));
        assert!(!is_signed("secret", br#"{"type": "InvoiceSettled"}"#, SIGNATURE));
        assert!(!is_signed("secret2", br#"{"type":"InvoiceSettled"}"#, SIGNATURE));
        for wrong in ["", "sha256=", &SIGNATURE[7..], &SIGNATURE[..20], "sha1=53be"] {
            assert!(!is_signed("secret", br#"{"type":"InvoiceSettled"}"#, wrong), "{wrong}");
        }
    }

    #[test]
    fn repeats_have_the_id_of_the_first_try() {
        let parse = |text: &str| Delivery::parse(text.as_bytes(), "S");
        let first = parse(r#"{"deliveryId":"a","storeId":"S","invoiceId":"i"}"#).unwrap();
        let again = parse(r#"{"deliveryId":"b","originalDeliveryId":"a","storeId":"S","isRedelivery":true}"#).unwrap();
        assert_eq!((first.id(), again.id()), ("a", "a"));
        assert!(parse(r#"{"deliveryId":"a","storeId":"T"}"#).is_err());
        assert!(parse(&format!(r#"{{"deliveryId":"{}","storeId":"S"}}"#, "a".repeat(129))).is_err());
    }
}
