//! How often one address may try to sign in or up: a token bucket each, in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

use crate::problem::{Code, Problem};

/// Attempts at once: a household or an office behind one address.
const BURST: u32 = 30;
/// A further attempt each two seconds: 43 200 passwords a day from one address is no search.
const REFILL_MS: u64 = 2_000;
/// Addresses remembered. Beyond that the longest unseen is forgotten, which costs an attacker as many addresses.
const ADDRESSES: usize = 10_000;

/// The buckets of all addresses.
#[derive(Debug, Default)]
pub struct RateLimit {
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: u32,
    refilled_ms: u64,
}

impl RateLimit {
    /// Takes one attempt of `peer`, or says when there is one again.
    pub fn take(&self, peer: Option<SocketAddr>, now_ms: u64) -> Result<(), Problem> {
        let address = network(peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip()));
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&address) {
            forget_oldest(&mut buckets);
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: BURST, refilled_ms: now_ms });
        bucket.refill(now_ms);
        match bucket.tokens.checked_sub(1) {
            Some(tokens) => {
                bucket.tokens = tokens;
                Ok(())
            }
            None => Err(Problem::new(Code::RateLimited, "too many attempts from this address, wait a little")
                .retry_after(REFILL_MS.div_ceil(1000))),
        }
    }
}

impl Bucket {
    fn refill(&mut self, now_ms: u64) {
        let earned = now_ms.saturating_sub(self.refilled_ms) / REFILL_MS;
        self.tokens = u32::try_from(earned).unwrap_or(BURST).saturating_add(self.tokens).min(BURST);
        self.refilled_ms += earned * REFILL_MS;
    }
}

/// One bucket for an IPv6 customer's whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

fn forget_oldest(buckets: &mut HashMap<IpAddr, Bucket>) {
    let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.refilled_ms).map(|(address, _)| *address);
    if let Some(oldest) = oldest {
        buckets.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(text.parse().unwrap(), 1))
    }

    #[test]
    fn burst_is_spent_and_refills_with_time() {
        let limit = RateLimit::default();
        for _ in 0..BURST {
            limit.take(peer("192.0.2.1"), 0).unwrap();
        }
        assert!(limit.take(peer("192.0.2.1"), REFILL_MS - 1).is_err());
        limit.take(peer("192.0.2.2"), 0).unwrap();
        limit.take(peer("192.0.2.1"), REFILL_MS).unwrap();
        assert!(limit.take(peer("192.0.2.1"), REFILL_MS).is_err());
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let limit = RateLimit::default();
        for host in 0..BURST {
            limit.take(peer(&format!("2001:db8::{host:x}")), 0).unwrap();
        }
        assert!(limit.take(peer("2001:db8::ffff"), 0).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RateLimit::default();
        for host in 0..(ADDRESSES as u32 + 10) {
            limit.take(Some(SocketAddr::new(IpAddr::V4(host.into()), 1)), u64::from(host)).unwrap();
        }
        assert_eq!(limit.buckets.lock().unwrap().len(), ADDRESSES);
    }
}
