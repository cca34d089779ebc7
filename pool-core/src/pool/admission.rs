//! Who may connect: places in all, and what one network address may take of them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::config::Limits;

const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are remembered before the first look for some to forget.
const KEPT: usize = 1_024;

/// Counts connections.
#[derive(Debug)]
pub(super) struct Admission {
    sessions: usize,
    sessions_per_address: usize,
    connects_per_minute: u32,
    guests: Mutex<Guests>,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

/// Why a connection is closed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refused {
    #[error("every place is taken")]
    Full,
    #[error("its address has as many sessions as it may have")]
    Sessions,
    #[error("its address has connected too often in this minute")]
    Rate,
}

#[derive(Debug, Default)]
struct Guests {
    sessions: usize,
    addresses: HashMap<IpAddr, Guest>,
    forget_at: usize,
}

#[derive(Debug)]
struct Guest {
    sessions: usize,
    minute: Instant,
    connects: u32,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            sessions: limits.sessions,
            sessions_per_address: limits.sessions_per_address,
            connects_per_minute: limits.connects_per_minute,
            guests: Mutex::new(Guests { forget_at: KEPT, ..Guests::default() }),
        }
    }

    /// Takes a place for a connection from `address`.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Place, Refused> {
        let address = holder(address);
        let mut guests = self.guests();
        let all_taken = guests.sessions >= self.sessions;
        let guest = guests.guest(address, now);
        guest.connects = guest.connects.saturating_add(1);
        if exceeds(guest.connects, self.connects_per_minute) {
            return Err(Refused::Rate);
        }
        if all_taken {
            return Err(Refused::Full);
        }
        if exceeds(guest.sessions + 1, self.sessions_per_address) {
            return Err(Refused::Sessions);
        }
        guest.sessions += 1;
        guests.sessions += 1;
        Ok(Place { admission: self.clone(), address })
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guests = self.admission.guests();
        guests.sessions -= 1;
        if let Some(guest) = guests.addresses.get_mut(&self.address) {
            guest.sessions -= 1;
        }
    }
}

impl Guests {
    fn guest(&mut self, address: IpAddr, now: Instant) -> &mut Guest {
        if self.addresses.len() >= self.forget_at {
            self.addresses.retain(|_, guest| guest.sessions > 0 || now - guest.minute < MINUTE);
            self.forget_at = KEPT.max(2 * self.addresses.len());
        }
        let guest = self.addresses.entry(address).or_insert(Guest { sessions: 0, minute: now, connects: 0 });
        if now - guest.minute >= MINUTE {
            (guest.minute, guest.connects) = (now, 0);
        }
        guest
    }
}

/// A limit of 0 is none.
fn exceeds<T: PartialOrd + Default>(count: T, limit: T) -> bool {
    limit > T::default() && count > limit
}

/// Who counts as one: an IPv4 address, or the /64 that an IPv6 subscriber gets (RFC 6177).
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(sessions: usize, sessions_per_address: usize, connects_per_minute: u32) -> Arc<Admission> {
        let limits = Limits { sessions, sessions_per_address, connects_per_minute, ..Limits::default() };
        Arc::new(Admission::new(&limits))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_in_all_and_for_an_address_and_come_back() {
        let (admission, now) = (admission(3, 2, 0), Instant::now());
        let first = admission.admit(ip("192.0.2.1"), now).unwrap();
        let _second = admission.admit(ip("::ffff:192.0.2.1"), now).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.1"), now).unwrap_err(), Refused::Sessions);
        let _third = admission.admit(ip("192.0.2.2"), now).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.3"), now).unwrap_err(), Refused::Full);
        drop(first);
        admission.admit(ip("192.0.2.1"), now).unwrap();
    }

    #[test]
    fn an_ipv6_subscriber_counts_as_one() {
        let (admission, now) = (admission(9, 1, 0), Instant::now());
        let _first = admission.admit(ip("2001:db8::1"), now).unwrap();
        assert_eq!(admission.admit(ip("2001:db8::ffff:2"), now).unwrap_err(), Refused::Sessions);
        admission.admit(ip("2001:db8:0:1::1"), now).unwrap();
    }

    #[test]
    fn connects_are_limited_in_a_minute() {
        let (admission, now) = (admission(9, 0, 2), Instant::now());
        let connect = |address: &str, now| admission.admit(ip(address), now).err();
        assert_eq!(connect("192.0.2.1", now), None);
        assert_eq!(connect("192.0.2.1", now), None);
        assert_eq!(connect("192.0.2.1", now), Some(Refused::Rate));
        assert_eq!(connect("192.0.2.2", now), None);
        assert_eq!(connect("192.0.2.1", now + MINUTE), None);
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let (admission, now) = (admission(9, 9, 9), Instant::now());
        for number in 0..100 * KEPT as u32 {
            drop(admission.admit(IpAddr::V4(number.into()), now + MINUTE * number).unwrap());
        }
        assert!(admission.guests().addresses.len() <= KEPT);
    }
}
