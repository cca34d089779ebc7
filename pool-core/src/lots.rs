//! Lots: whose logins are admitted, and what each lot's rigs bring.
//!
//! A lot is a group of rigs or an order at a rental market: the login up to its first dot. The server registers lots with
//! a secret; who logs in for one must show it as the password. What a market says it sent for an order and what arrived
//! here can so be compared, reject by reject.

mod agents;
mod leg;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use audit_core::hash::{Hash32, sha256};

pub use self::leg::LegStats;
pub(crate) use self::{agents::Agent, leg::Leg};

/// The lots of a pool. The server changes it, sessions ask it.
pub struct Lots {
    /// Logins for lots that are not registered are refused.
    required: bool,
    registered: RwLock<HashMap<String, Lot>>,
    unregistered: Arc<Leg>,
}

#[derive(Debug)]
struct Lot {
    secret_hash: Hash32,
    open: bool,
    leg: Arc<Leg>,
}

/// What a registered lot's rigs have brought since the pool started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LotStats {
    /// Workers that are authorized now.
    pub workers: usize,
    /// Their submissions, and those of workers before.
    pub leg: LegStats,
}

impl Lots {
    /// No lots. With `required`, nobody can log in until one is registered.
    pub fn new(required: bool) -> Self {
        Self { required, registered: RwLock::default(), unregistered: Arc::default() }
    }

    /// Admits logins for `name` with the password whose SHA-256 is `secret_hash`. The hash is enough for secrets with 128
    /// bits of entropy or more, which the server draws. An open lot of that name is replaced, its counts go on.
    pub fn open(&self, name: &str, secret_hash: Hash32) {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        let leg = registered.get(name).map(|lot| lot.leg.clone()).unwrap_or_default();
        registered.insert(name.to_owned(), Lot { secret_hash, open: true, leg });
    }

    /// Refuses further logins for `name`. Connections that are authorized go on; their shares are counted.
    pub fn close(&self, name: &str) {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lot) = registered.get_mut(name) {
            lot.open = false;
        }
    }

    /// What a registered lot has brought, closed ones included; `None` for others.
    pub fn stats(&self, name: &str) -> Option<LotStats> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        registered.get(name).map(|lot| stats(&lot.leg))
    }

    /// Every registered lot by name, closed ones included.
    pub fn all(&self) -> Vec<(String, LotStats)> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = registered.iter().map(|(name, lot)| (name.clone(), stats(&lot.leg))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// What all lots that are not registered have brought together.
    pub fn unregistered(&self) -> LotStats {
        stats(&self.unregistered)
    }

    /// Where the shares of a worker of `lot` are counted, if it may log in with `secret`.
    pub(crate) fn admit(&self, lot: &str, secret: &[u8]) -> Option<Arc<Leg>> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        match registered.get(lot) {
            Some(lot) if lot.open && lot.is_opened_by(secret) => Some(lot.leg.clone()),
            Some(_) => None,
            None => (!self.required).then(|| self.unregistered.clone()),
        }
    }
}

impl Lot {
    /// Compares hashes in constant time.
    fn is_opened_by(&self, secret: &[u8]) -> bool {
        let given = sha256(secret);
        self.secret_hash.0.iter().zip(given).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// The registry holds one reference to a leg, each authorized worker another.
fn stats(leg: &Arc<Leg>) -> LotStats {
    LotStats { workers: Arc::strong_count(leg) - 1, leg: leg.stats() }
}

impl fmt::Debug for Lots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lots").field("required", &self.required).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lots(required: bool) -> Lots {
        let lots = Lots::new(required);
        lots.open("mine", Hash32(sha256(b"secret")));
        lots
    }

    #[test]
    fn a_registered_lot_needs_its_secret_whether_or_not_lots_are_required() {
        for required in [false, true] {
            let lots = lots(required);
            assert!(lots.admit("mine", b"secret").is_some());
            for wrong in [&b""[..], b"x", b"Secret", b"secret "] {
                assert!(lots.admit("mine", wrong).is_none());
            }
        }
    }

    #[test]
    fn other_lots_are_admitted_unless_lots_are_required() {
        assert!(lots(false).admit("other", b"").is_some());
        assert!(lots(true).admit("other", b"").is_none());
        assert!(lots(true).admit("other", b"secret").is_none());
    }

    #[test]
    fn a_closed_lot_admits_nobody_and_keeps_its_counts() {
        let lots = lots(false);
        let leg = lots.admit("mine", b"secret").unwrap();
        leg.rejected(crate::RejectReason::Stale);
        lots.close("mine");
        assert!(lots.admit("mine", b"secret").is_none());
        assert_eq!(lots.stats("mine").unwrap().workers, 1);
        drop(leg);
        let LotStats { workers, leg } = lots.stats("mine").unwrap();
        assert_eq!((workers, leg.received()), (0, 1));
    }
}
