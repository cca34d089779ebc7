//! A purchase: read into types, then decided inside one transaction that holds the offer.

use actix_web::http::StatusCode;
use audit_core::hash::Hash32;
use audit_core::work::{Sats, Units};
use bitcoin::Network;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::ContractView;
use crate::api::addresses::{self, StandardAddress};
use crate::api::idempotent::Reply;
use crate::api::offers::available;
use crate::api::offers::price::quote;
use crate::api::quotes::itemise::{no_such_offer, redeem, sold_out, units};
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::contracts::{self, Contract, Status};
use crate::db::offers::{self, Offer, Pricing};
use crate::db::quotes::{self, Rate};
use crate::payments::Invoicing;
use crate::problem::{Code, FieldError, Problem};

/// Unpaid contracts of one account, so that one account can't take an offer off the market.
const RESERVATIONS: u64 = 20;

/// What a buyer sends.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseRequest {
    pub offer_id: Uuid,
    /// Hashes per second as a decimal string.
    #[schema(example = "200000")]
    pub units_hs: String,
    /// Where credits are paid for ever: an address of the log's network, on the account's list (`GET /account/addresses`).
    /// The first one of an account is listed by its purchase.
    pub payout_address: String,
    /// 64 lower-case hex digits drawn at random by the buyer's program, which keeps them: with the receipt they prove
    /// which entry of the log is this contract.
    pub nonce: String,
    /// A quote of this offer and these units: the purchase has its price, or is refused. Needed where the price follows the
    /// hashprice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_id: Option<Uuid>,
}

/// How the operator sells.
pub struct Selling {
    /// What all offers share.
    pub capacity: Units,
    /// How long units are kept without a payment.
    pub reservation_ms: u64,
    /// How long an address can't be used after it was added.
    pub address_hold_ms: u64,
    /// Where buyers pay; `None` while the operator confirms payments by hand.
    pub invoicing: Option<Invoicing>,
}

/// A purchase whose fields are all of the right form.
#[derive(Debug)]
pub struct Purchase {
    offer_id: Uuid,
    units: Units,
    payout: StandardAddress,
    nonce: Hash32,
    quote_id: Option<Uuid>,
}

impl Purchase {
    /// Reads the fields; names every one that has to change.
    pub fn parse(request: &PurchaseRequest, network: Network) -> Result<Self, Problem> {
        match (
            units(&request.units_hs),
            StandardAddress::parse("payout_address", &request.payout_address, network),
            nonce(&request.nonce),
        ) {
            (Ok(units), Ok(payout), Ok(nonce)) => {
                Ok(Self { offer_id: request.offer_id, units, payout, nonce, quote_id: request.quote_id })
            }
            (units, payout, nonce) => {
                let errors = units.err().into_iter().chain(payout.err()).chain(nonce.err()).collect();
                Err(Problem::invalid(errors))
            }
        }
    }

    /// Reserves the units, or refuses. Buyers come here one after the other, so that neither the offer's capacity nor the
    /// declared one, which all offers share, is ever oversold.
    pub async fn reserve(&self, tx: &mut Tx, account_id: Uuid, selling: &Selling) -> Result<Reply, Problem> {
        offers::lock_sales(tx).await?;
        let Some(offer) = offers::lock(tx, self.offer_id).await? else { return Err(no_such_offer()) };
        // Read under the lock: a clock read before waiting for it could revive a reservation that has run out.
        let now_ms = now_ms();
        let price = match self.quote_id {
            Some(quote_id) => redeem(tx, quote_id, account_id, &offer, self.units).await?,
            None => self.price_without_quote(&offer).map_err(|error| Problem::invalid(vec![error]))?,
        };
        let contract = self.contract(&offer, price, account_id, now_ms, selling.reservation_ms)?;
        if contracts::count_reserved(tx, account_id, now_ms).await? >= RESERVATIONS {
            let detail = format!("at most {RESERVATIONS} contracts may wait for a payment: pay one or let one run out");
            return Err(Problem::new(Code::TooManyReservations, detail));
        }
        let left = available(&mut *tx, &offer, selling.capacity, now_ms).await?;
        if self.units.get() > left {
            return Err(sold_out(left));
        }
        addresses::allow(tx, account_id, &self.payout, selling.address_hold_ms).await?;
        contracts::reserve(tx, &contract).await?;
        if let Some(invoicing) = &selling.invoicing {
            refuse_unpayable(contract.price, invoicing.minimum())?;
            invoicing.invoice(tx, &contract).await?;
        }
        if let Some(quote_id) = self.quote_id {
            quotes::used(tx, quote_id, contract.id).await?;
        }
        Reply::new(StatusCode::CREATED, &ContractView::of(&contract, now_ms))
    }

    /// A price that follows the hashprice is seen before it is agreed to.
    fn price_without_quote(&self, offer: &Offer) -> Result<Sats, FieldError> {
        match offer.pricing {
            Pricing::Fixed { sats_per_ths_day } => quote(offer, self.units, &Rate::Fixed { sats_per_ths_day }),
            Pricing::Hashprice { .. } => {
                Err(FieldError::new("quote_id", "is needed: the price of this offer follows the hashprice"))
            }
        }
    }

    fn contract(
        &self,
        offer: &Offer,
        price: Sats,
        account_id: Uuid,
        now_ms: u64,
        reservation_ms: u64,
    ) -> Result<Contract, Problem> {
        Ok(Contract {
            id: Uuid::new_v4(),
            account_id,
            offer_id: offer.id,
            status: Status::Reserved,
            units: self.units,
            price,
            term_ms: offer.term_ms,
            terms_index: offer.terms_index,
            payout_address: self.payout.text.clone(),
            payout_script: self.payout.script.to_bytes(),
            nonce: self.nonce,
            payment_reference: payment_reference()?,
            created_ms: now_ms,
            reserved_until_ms: now_ms + reservation_ms,
            opened: None,
        })
    }
}

fn refuse_unpayable(price: Sats, minimum: Sats) -> Result<(), Problem> {
    if price >= minimum {
        return Ok(());
    }
    let detail = format!("costs {price} sats, and less than {minimum} can't be paid on chain: take more");
    Err(Problem::invalid(vec![FieldError::new("units_hs", detail)]))
}

fn nonce(text: &str) -> Result<Hash32, FieldError> {
    let wrong = || FieldError::new("nonce", "must be 64 lower-case hex digits drawn at random");
    let nonce: Hash32 = text.parse().map_err(|_| wrong())?;
    if nonce.0 == [0; 32] { Err(wrong()) } else { Ok(nonce) }
}

/// `PH-` and ten characters of RFC 4648's base32: 50 random bits, short enough to type into a payment.
fn payment_reference() -> Result<String, Problem> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = [0u8; 10];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    let random = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok("PH-".chars().chain(random).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

    fn request(units_hs: &str, payout_address: &str, nonce: &str) -> PurchaseRequest {
        PurchaseRequest {
            offer_id: Uuid::nil(),
            units_hs: units_hs.into(),
            payout_address: payout_address.into(),
            nonce: nonce.into(),
            quote_id: None,
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong = request("0", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", &"0".repeat(64));
        let problem = Purchase::parse(&wrong, Network::Regtest).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidRequest);
        assert_eq!(problem.to_string(), "invalid_request: 3 fields have to change");
    }

    #[test]
    fn right_fields_become_a_script_of_the_network() {
        let purchase = Purchase::parse(&request("5", ADDRESS, &"ab".repeat(32)), Network::Regtest).unwrap();
        assert_eq!(purchase.payout.script.to_hex_string(), "0014751e76e8199196d454941c45d1b3a323f1433bd6");
        assert_eq!(purchase.units.get(), 5);
    }

    #[test]
    fn payment_references_are_short_and_differ() {
        let (one, other) = (payment_reference().unwrap(), payment_reference().unwrap());
        assert!(one.len() == 13 && one.starts_with("PH-") && one != other);
    }
}
