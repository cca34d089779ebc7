//! Subscriptions: which connection has which extranonce1, and how a later one gets it back.
//!
//! The id that `mining.subscribe` answers with carries the extranonce1 and a tag that only the pool's key makes. So who
//! shows an id had that subscription, nobody guesses another's, and ids outlive a restart without being stored. The
//! extranonce1 alone would not do: it is in every share, which are public.

mod id;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

pub(crate) use self::id::SubscriptionId;
use crate::{extranonce1::Extranonce1Source, session::Memory};

/// How long a subscription can be resumed: a rig that lost its connection is back within minutes.
const WINDOW: Duration = Duration::from_secs(600);
/// Ended sessions remembered, about 2 KiB each; beyond, the oldest are forgotten and come back as new ones.
const REMEMBERED: usize = 4_096;

/// All subscriptions of a pool.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    source: Extranonce1Source,
    key: [u8; 32],
    opened: Instant,
    in_use: HashSet<[u8; 4]>,
    ended: HashMap<[u8; 4], (Instant, Memory)>,
    /// When sessions ended, oldest first. One that came back and ended again is there twice.
    order: VecDeque<(Instant, [u8; 4])>,
}

/// What a connection gets.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    /// Of the connection that had it before.
    pub(crate) memory: Option<Memory>,
}

impl Subscriptions {
    /// Reads the high-water mark of extranonce1.
    pub(crate) fn open(path: PathBuf, key: [u8; 32], now: Instant) -> io::Result<Self> {
        let source = Extranonce1Source::open(path)?;
        let (in_use, ended, order) = (HashSet::new(), HashMap::new(), VecDeque::new());
        Ok(Self { source, key, opened: now, in_use, ended, order })
    }

    /// The subscription that `resume` names, if it is ours, free, and ended at most [`WINDOW`] ago; else a new one.
    /// Within that time after a start any of ours may come back: nobody knows when they ended.
    ///
    /// # Errors
    /// The high-water mark can't be written, which is tried every few thousandth time.
    pub(crate) fn subscribe(&mut self, resume: Option<&str>, now: Instant) -> io::Result<Subscription> {
        self.forget(now);
        let resumed = resume.and_then(|text| SubscriptionId::parse(text, &self.key)).filter(|id| {
            let is_free = !self.in_use.contains(&id.extranonce1());
            is_free && (self.ended.contains_key(&id.extranonce1()) || now < self.opened + WINDOW)
        });
        let id = match resumed {
            Some(id) => id,
            None => SubscriptionId::new(self.unused()?, &self.key),
        };
        let extranonce1 = id.extranonce1();
        self.in_use.insert(extranonce1);
        Ok(Subscription { id, memory: self.ended.remove(&extranonce1).map(|(_, memory)| memory) })
    }

    /// The connection with `extranonce1` has ended.
    pub(crate) fn end(&mut self, extranonce1: [u8; 4], memory: Memory, now: Instant) {
        self.in_use.remove(&extranonce1);
        self.ended.insert(extranonce1, (now, memory));
        self.order.push_back((now, extranonce1));
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while let Some((ended, extranonce1)) = self.order.front().copied() {
            if now < ended + WINDOW && self.order.len() <= REMEMBERED {
                return;
            }
            self.order.pop_front();
            if self.ended.get(&extranonce1).is_some_and(|(latest, _)| *latest == ended) {
                self.ended.remove(&extranonce1);
            }
        }
    }

    /// A restored high-water mark may be behind what was resumed.
    fn unused(&mut self) -> io::Result<[u8; 4]> {
        loop {
            let extranonce1 = self.source.next()?;
            if !self.in_use.contains(&extranonce1) {
                return Ok(extranonce1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
