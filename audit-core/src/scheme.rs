//! Schemes: what each kind of contract gets of a reward, as rules without state.
//!
//! In scope: which contract a block is drawn for, what counts within a PPLNS window, what a hash is worth
//! where it is paid by time, what fee and maintenance leave.
//! Out of scope: putting them together ([`crate::settlement`]), when something is due (`audit`, `server`).
//! `docs/SCHEMES.md` explains them with worked examples.

mod charge;
mod fees;
mod hashprice;
mod pplns;
mod price;
mod solo;

use alloc::collections::BTreeMap;

pub use charge::Charged;
pub use fees::{FEE_BLOCKS, FEE_DEPTH, FEES_INPUT, FeesPpm, fees_ppm};
pub use hashprice::{HASHPRICE_INPUT, Hashprice};
pub(crate) use pplns::by_window;
pub use pplns::{WindowParts, Windows, parts_of};
pub use price::{Price, Worth, parts_by_time};
pub use solo::{Drawn, draw};

use crate::{
    entry::{Scheme, Terms},
    hash::Hash32,
};

/// The terms of each contract. An id that is missing is the operator's own, which is pooled and pays nothing.
pub type TermsOf = BTreeMap<Hash32, Terms>;

/// The scheme of an id.
pub fn scheme_of(terms: &TermsOf, id: &Hash32) -> Scheme {
    terms.get(id).map_or(Scheme::Proportional, |terms| terms.scheme)
}
