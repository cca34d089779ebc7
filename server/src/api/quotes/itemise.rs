//! A quote's items, and whether they still hold.

use actix_web::http::StatusCode;
use audit_core::entry::{Entry, Maintenance, Terms};
use audit_core::hash::{Hash32, sha256};
use audit_core::work::{Sats, Units};
use uuid::Uuid;

use super::QuoteView;
use crate::api::idempotent::Reply;
use crate::api::offers::available;
use crate::api::offers::price::{prorated, quote as price_of};
use crate::clock::now_ms;
use crate::config::MoneyConfig;
use crate::db::offers::{self, Offer};
use crate::db::quotes::{self, Quote, Rate};
use crate::db::{Tx, log_entries};
use crate::hashprice;
use crate::problem::{Code, FieldError, Problem};

/// Valid quotes that an account may hold, so that nobody fills the database with them.
const QUOTES: u64 = 100;

/// What someone wants a quote of.
pub(super) struct Wanted {
    pub(super) account_id: Uuid,
    pub(super) offer_id: Uuid,
    pub(super) units: Units,
}

impl Wanted {
    /// Makes the quote. It does not keep the units, but what can't be bought now is not quoted.
    pub(super) async fn quote(&self, tx: &mut Tx, money: &MoneyConfig) -> Result<Reply, Problem> {
        let Some(offer) = offers::lock(tx, self.offer_id).await? else { return Err(no_such_offer()) };
        let now_ms = now_ms();
        if quotes::count_valid(tx, self.account_id, now_ms).await? >= QUOTES {
            let detail = format!("at most {QUOTES} quotes may be valid: use one or let one run out");
            return Err(Problem::new(Code::TooManyQuotes, detail).retry_after(60));
        }
        let left = available(&mut *tx, &offer, money.capacity_hs, now_ms).await?;
        if self.units.get() > left {
            return Err(sold_out(left));
        }
        let quote = self.itemise(tx, &offer, money, now_ms).await?;
        quotes::create(tx, &quote).await?;
        Reply::new(StatusCode::CREATED, &QuoteView::of(&quote))
    }

    async fn itemise(&self, tx: &mut Tx, offer: &Offer, money: &MoneyConfig, now_ms: u64) -> Result<Quote, Problem> {
        let (terms, terms_sha256) = terms(tx, offer.terms_index).await?;
        let invalid = |error: FieldError| Problem::invalid(vec![error]);
        let rate = Rate::of(offer.pricing, hashprice::of_offer(tx, offer.pricing).await.map_err(Problem::internal)?)?;
        let too_much = || invalid(FieldError::new("units_hs", "costs more than there is bitcoin: take less"));
        Ok(Quote {
            id: Uuid::new_v4(),
            account_id: self.account_id,
            offer_id: offer.id,
            units: self.units,
            term_ms: offer.term_ms,
            rate,
            price: price_of(offer, self.units, &rate).map_err(invalid)?,
            maintenance: maintenance(&terms, self.units, offer.term_ms).ok_or_else(too_much)?,
            fee_ppm: terms.fee_ppm,
            terms_index: offer.terms_index,
            terms_sha256,
            created_ms: now_ms,
            expires_ms: now_ms + money.quote_ms,
            contract_id: None,
        })
    }
}

/// Takes a quote for a purchase, in whose transaction the offer is held: the price, if all of the quote still holds.
pub async fn redeem(
    tx: &mut Tx,
    quote_id: Uuid,
    account_id: Uuid,
    offer: &Offer,
    units: Units,
) -> Result<Sats, Problem> {
    let invalid = |field: &str, detail: &str| Problem::invalid(vec![FieldError::new(field, detail)]);
    let found = quotes::lock(tx, quote_id).await?.filter(|quote| quote.account_id == account_id);
    let Some(quote) = found else { return Err(invalid("quote_id", "there is no such quote")) };
    if (quote.offer_id, quote.units) != (offer.id, units) {
        return Err(invalid("quote_id", "is of another offer or of other units"));
    }
    if quote.contract_id.is_some() || quote.expires_ms <= now_ms() {
        return Err(Problem::new(Code::QuoteExpired, "this quote was used or has run out: ask for a new one"));
    }
    let (_, terms_sha256) = terms(tx, offer.terms_index).await?;
    let price_now = price_now(tx, offer, units, &quote.rate).await?;
    if (quote.terms_index, quote.terms_sha256, Some(quote.price)) != (offer.terms_index, terms_sha256, price_now) {
        return Err(Problem::new(Code::QuoteChanged, "price or terms have changed since: ask for a new quote"));
    }
    Ok(quote.price)
}

/// What the units cost now; of the hashprice at the quote's entry of the log, since that holds as long as the quote.
async fn price_now(tx: &mut Tx, offer: &Offer, units: Units, quoted: &Rate) -> Result<Option<Sats>, Problem> {
    let logged = match quoted {
        Rate::Hashprice { index, .. } => hashprice::at(tx, *index).await.map_err(Problem::internal)?,
        Rate::Fixed { .. } => None,
    };
    Ok(Rate::of(offer.pricing, logged).ok().and_then(|rate| price_of(offer, units, &rate).ok()))
}

/// Hashes per second as a buyer writes them.
pub fn units(text: &str) -> Result<Units, FieldError> {
    text.parse().map_err(|_| FieldError::new("units_hs", "must be a whole number of hashes per second, as a string"))
}

/// Not enough is left.
pub fn sold_out(left: u128) -> Problem {
    Problem::new(Code::SoldOut, format!("{left} H/s of this offer are left: take less or another offer"))
}

/// The offer is unknown.
pub fn no_such_offer() -> Problem {
    Problem::invalid(vec![FieldError::new("offer_id", "there is no such offer")])
}

async fn terms(tx: &mut Tx, index: u64) -> Result<(Terms, Hash32), Problem> {
    let row =
        log_entries::at(tx, index).await?.ok_or_else(|| Problem::internal("an offer's terms are not in the log"))?;
    match Entry::from_bytes(&row.entry).map_err(Problem::internal)? {
        Entry::Terms(terms) => Ok((terms, Hash32(sha256(&row.entry)))),
        _ => Err(Problem::internal("an offer's terms are another entry")),
    }
}

/// Maintenance of units over a term at full delivery, rounded up. `None` above 21 million bitcoin.
fn maintenance(terms: &Terms, units: Units, term_ms: u64) -> Option<Sats> {
    match terms.maintenance {
        Maintenance::Included => Some(Sats::ZERO),
        Maintenance::SatsPerThsDay(rate) => prorated(units.get(), rate.get(), term_ms),
    }
}
