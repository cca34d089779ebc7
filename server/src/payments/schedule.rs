//! When which invoice is looked at next. Only in memory: after a start everything is due. By a clock that never goes back.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::db::invoices::Invoice;

#[derive(Debug, Default)]
pub(super) struct Schedule(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    next: HashMap<Uuid, Instant>,
    /// Hinted at, and not looked at since.
    hinted: HashSet<Uuid>,
}

impl Schedule {
    /// Of these invoices those whose time it is. All others are forgotten, and so are hints at what is returned: one that
    /// comes while an invoice is looked at lets it be looked at again.
    pub(super) fn due(&self, invoices: Vec<Invoice>, now: Instant) -> Vec<Invoice> {
        let mut turns = self.lock();
        let watched: HashSet<Uuid> = invoices.iter().map(|invoice| invoice.contract_id).collect();
        turns.next.retain(|id, _| watched.contains(id));
        let hinted = std::mem::take(&mut turns.hinted);
        let is_due = |invoice: &Invoice| {
            let id = &invoice.contract_id;
            hinted.contains(id) || turns.next.get(id).is_none_or(|next| *next <= now)
        };
        invoices.into_iter().filter(is_due).collect()
    }

    /// The next turn is after `pause`, unless something hints at a change before.
    pub(super) fn looked_at(&self, id: Uuid, now: Instant, pause: Duration) {
        self.lock().next.insert(id, now + pause);
    }

    /// Something may have changed.
    pub(super) fn hint(&self, id: Uuid) {
        self.lock().hinted.insert(id);
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::invoices::State;

    fn invoice(number: u128) -> Invoice {
        Invoice {
            contract_id: Uuid::from_u128(number),
            gateway: "btcpay".into(),
            price: audit_core::work::Sats::MAX,
            confirmations: 1,
            state: State::New,
            created_ms: 0,
            expires_ms: 1,
            destination: None,
            gateway_status: None,
        }
    }

    fn due(schedule: &Schedule, now: Instant) -> Vec<u128> {
        let due = schedule.due(vec![invoice(1), invoice(2)], now);
        due.into_iter().map(|invoice| invoice.contract_id.as_u128()).collect()
    }

    #[test]
    fn an_invoice_is_due_at_first_and_then_after_its_pause() {
        let (schedule, start) = (Schedule::default(), Instant::now());
        assert_eq!(due(&schedule, start), [1, 2]);
        schedule.looked_at(Uuid::from_u128(1), start, Duration::from_millis(10));
        assert_eq!(due(&schedule, start + Duration::from_millis(9)), [2]);
        assert_eq!(due(&schedule, start + Duration::from_millis(10)), [1, 2]);
    }

    #[test]
    fn a_hint_makes_an_invoice_due_once_also_while_it_is_looked_at() {
        let (schedule, start) = (Schedule::default(), Instant::now());
        let looked_at = |id| schedule.looked_at(Uuid::from_u128(id), start, Duration::from_millis(10));
        looked_at(1);
        looked_at(2);
        schedule.hint(Uuid::from_u128(2));
        assert_eq!(due(&schedule, start), [2]);
        schedule.hint(Uuid::from_u128(2));
        looked_at(2);
        assert_eq!(due(&schedule, start), [2]);
        assert!(due(&schedule, start).is_empty());
    }
}
