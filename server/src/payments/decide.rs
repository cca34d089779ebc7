//! What an invoice's payments mean. Pure: what is known in, state and consequence out.
//!
//! | came in | state | consequence |
//! |---|---|---|
//! | nothing | `new`, after the deadline `expired` | the units are given back |
//! | the price, not deep enough | `seen`, `confirming` | the units are kept a while longer |
//! | the price, deep enough, in time | `settled` | the contract opens; what is above the price is credited |
//! | less, before the deadline | `underpaid` | the rest can be paid to the same address |
//! | less, after the deadline | `expired` | what is deep enough is credited |
//! | the price, after the deadline | `paid_late` | the contract opens if the units are still there, else credit |
//! | anything, after it was opened or cancelled | `settled`, `cancelled` | what is deep enough is credited |
//! | what it was opened with is in no block any more | `reorged` | the operator is told |

use audit_core::work::Sats;

use crate::db::invoices::{Booked, Position, State};

/// What an invoice's contract is, for its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Reserved, and its deadline has not passed.
    Reserved,
    /// Reserved once; the deadline has passed.
    Expired,
    /// Given up by the operator.
    Cancelled,
    /// Paid.
    Open,
}

/// A payment as the decision sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paid {
    pub(super) amount: Sats,
    pub(super) position: Position,
    /// What the ledger has taken it for.
    pub(super) booked: Option<Booked>,
}

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Nothing,
    /// Keep the units while a payment of the whole price is on its way.
    Hold,
    /// Open the contract with all that is final.
    Activate,
    /// The same, if the units are still there; else credit.
    ActivateIfLeft,
    /// Credit all that is final and not booked.
    Credit,
}

/// Decides.
pub(super) fn decide(price: Sats, standing: Standing, payments: &[Paid]) -> (State, Act) {
    let open = || payments.iter().filter(|paid| paid.booked.is_none());
    let is_final = |paid: &&Paid| matches!(paid.position, Position::Final { .. });
    let deep = sum(open().filter(is_final));
    let alive = sum(open().filter(|paid| paid.position.is_alive()));
    let credit = if deep > 0 { Act::Credit } else { Act::Nothing };
    match standing {
        Standing::Open if is_reorged(payments) => (State::Reorged, credit),
        Standing::Open => (State::Settled, credit),
        Standing::Cancelled => (State::Cancelled, credit),
        Standing::Reserved if deep >= price.get() => (State::Settled, Act::Activate),
        Standing::Reserved if alive >= price.get() => (on_its_way(payments), Act::Hold),
        Standing::Reserved if alive > 0 => (State::Underpaid, Act::Nothing),
        Standing::Reserved => (State::New, Act::Nothing),
        Standing::Expired if deep >= price.get() => (State::PaidLate, Act::ActivateIfLeft),
        Standing::Expired if alive >= price.get() => (State::PaidLate, Act::Nothing),
        Standing::Expired => (State::Expired, credit),
    }
}

fn sum<'a>(payments: impl Iterator<Item = &'a Paid>) -> u64 {
    payments.fold(0, |sum, paid| sum.saturating_add(paid.amount.get()))
}

fn on_its_way(payments: &[Paid]) -> State {
    let waits = |paid: &Paid| paid.booked.is_none() && paid.position == Position::Waiting;
    if payments.iter().any(waits) { State::Seen } else { State::Confirming }
}

/// Whether something that opened the contract is in no block any more.
fn is_reorged(payments: &[Paid]) -> bool {
    payments.iter().any(|paid| paid.booked == Some(Booked::Price) && paid.position.confirmations() == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAITING: Position = Position::Waiting;
    const SHALLOW: Position = Position::Confirmed { confirmations: 1 };
    const DEEP: Position = Position::Final { confirmations: 3 };

    fn paid(sats: u64, position: Position) -> Paid {
        Paid { amount: Sats::new(sats).unwrap(), position, booked: None }
    }

    #[track_caller]
    fn check(standing: Standing, payments: &[Paid], state: State, act: Act) {
        assert_eq!(decide(Sats::new(100).unwrap(), standing, payments), (state, act), "{payments:?}");
    }

    #[test]
    fn a_reserved_contract_opens_once_the_whole_price_is_deep_enough() {
        let check = |payments: &[Paid], state, act| check(Standing::Reserved, payments, state, act);
        check(&[], State::New, Act::Nothing);
        check(&[paid(100, WAITING)], State::Seen, Act::Hold);
        check(&[paid(100, SHALLOW)], State::Confirming, Act::Hold);
        check(&[paid(100, DEEP)], State::Settled, Act::Activate);
        check(&[paid(107, DEEP)], State::Settled, Act::Activate);
        check(&[paid(60, DEEP), paid(40, SHALLOW)], State::Confirming, Act::Hold);
        check(&[paid(60, DEEP), paid(40, WAITING)], State::Seen, Act::Hold);
        check(&[paid(60, DEEP), paid(40, DEEP)], State::Settled, Act::Activate);
    }

    #[test]
    fn what_is_short_waits_for_the_rest() {
        check(Standing::Reserved, &[paid(99, DEEP)], State::Underpaid, Act::Nothing);
        check(Standing::Reserved, &[paid(99, WAITING)], State::Underpaid, Act::Nothing);
    }

    #[test]
    fn what_was_replaced_or_dropped_counts_for_nothing() {
        check(Standing::Reserved, &[paid(100, Position::Replaced)], State::New, Act::Nothing);
        check(Standing::Reserved, &[paid(100, Position::Dropped), paid(30, WAITING)], State::Underpaid, Act::Nothing);
    }

    #[test]
    fn what_comes_late_opens_if_it_is_the_price_and_is_credited_if_it_is_less() {
        check(Standing::Expired, &[], State::Expired, Act::Nothing);
        check(Standing::Expired, &[paid(99, WAITING)], State::Expired, Act::Nothing);
        check(Standing::Expired, &[paid(99, DEEP)], State::Expired, Act::Credit);
        check(Standing::Expired, &[paid(100, SHALLOW)], State::PaidLate, Act::Nothing);
        check(Standing::Expired, &[paid(100, DEEP)], State::PaidLate, Act::ActivateIfLeft);
    }

    #[test]
    fn what_comes_when_nothing_is_owed_is_credited() {
        let price = Paid { booked: Some(Booked::Price), ..paid(100, DEEP) };
        check(Standing::Open, &[price], State::Settled, Act::Nothing);
        check(Standing::Open, &[price, paid(5, SHALLOW)], State::Settled, Act::Nothing);
        check(Standing::Open, &[price, paid(5, DEEP)], State::Settled, Act::Credit);
        check(Standing::Cancelled, &[paid(100, DEEP)], State::Cancelled, Act::Credit);
    }

    #[test]
    fn a_price_that_left_its_block_is_told() {
        for position in [WAITING, Position::Replaced, Position::Dropped] {
            let price = Paid { booked: Some(Booked::Price), ..paid(100, position) };
            check(Standing::Open, &[price], State::Reorged, Act::Nothing);
        }
        let back = Paid { booked: Some(Booked::Price), ..paid(100, SHALLOW) };
        check(Standing::Open, &[back], State::Settled, Act::Nothing);
    }

    proptest! {
        #[test]
        fn a_contract_opens_only_when_final_payments_cover_its_price(
            amounts in proptest::collection::vec((1u64..200, 0u8..5, any::<bool>()), 0..6),
        ) {
            let position = |kind| [WAITING, SHALLOW, DEEP, Position::Replaced, Position::Dropped][usize::from(kind)];
            let payments: Vec<Paid> = amounts.iter().map(|(sats, kind, is_booked)| Paid {
                booked: is_booked.then_some(Booked::Credit), ..paid(*sats, position(*kind))
            }).collect();
            let sum = |counts: fn(u8) -> bool| -> u64 {
                amounts.iter().filter(|(_, kind, booked)| counts(*kind) && !booked).map(|(sats, ..)| sats).sum()
            };
            let (deep, alive) = (sum(|kind| kind == 2), sum(|kind| kind <= 2));
            let (_, act) = decide(Sats::new(100).unwrap(), Standing::Reserved, &payments);
            prop_assert_eq!(act == Act::Activate, deep >= 100);
            let (_, act) = decide(Sats::new(100).unwrap(), Standing::Expired, &payments);
            prop_assert_eq!(act == Act::Credit, deep > 0 && alive < 100);
        }
    }
}
