//! What the pool is told, and the defaults with their reasons.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use audit_core::work::Level;

use crate::lots::Lots;

/// The pool's settings.
#[derive(Clone)]
pub struct PoolConfig {
    /// At most 20 bytes in every coinbase.
    pub coinbase_tag: Vec<u8>,
    /// Where the whole reward goes.
    pub payout_script: Vec<u8>,
    /// Level of a new session, until it suggests another or vardiff finds one.
    pub first_level: Level,
    /// No session gets easier jobs, unless the network's own target is easier still.
    pub min_level: Level,
    /// What vardiff aims at per session. 12 is one in 5 s: between SRI's 6 and ckpool's 18.
    pub shares_per_minute: u32,
    /// How long jobs of an earlier epoch count after the first job of the next.
    pub grace: Duration,
    /// Ties worker names to their pseudonyms. Secret.
    pub pseudonym_key: [u8; 32],
    /// Who may log in. Its owner may change it while the pool runs.
    pub lots: Arc<Lots>,
    /// Journals and the extranonce1 mark.
    pub journal_dir: PathBuf,
    /// Found blocks, saved before they are submitted.
    pub blocks_dir: PathBuf,
    /// Bounds that seldom need another value.
    pub limits: Limits,
}

/// Bounds on what a stranger can cost us, and the pace of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line: thousands of times a submission, enough for any `mining.configure`.
    pub line_bytes: usize,
    /// Time to authorize: 95 % of what connects to a public port hangs up or never says a thing.
    pub unauthorized: Duration,
    /// Time for the other side to read what we write before it is dropped.
    pub write: Duration,
    /// Time for what we write to arrive, in whole milliseconds. A rig whose network died without a word is back after a
    /// minute or two (cgminer gives a pool 90 s) and finds its subscription free: jobs are written every half minute.
    pub arrival: Duration,
    /// Silence of a session on a farm's listener. Firmware keeps back-up pools connected for hours; DATUM waits as long.
    pub farm_idle: Duration,
    /// Silence of a session on a rental's listener: an order waits for hashrate, and reconnecting costs its buyer.
    pub rental_idle: Duration,
    /// A session whose every share has been invalid for this long is sent its job again, after twice as long asked to
    /// reconnect, after three times as long dropped. 60 s is ckpool's and para's measure.
    pub invalid_patience: Duration,
    /// Lines that are no JSON requests before the connection ends.
    pub garbage_lines: u32,
    /// Connections at once.
    pub sessions: usize,
    /// Connections at once from one address (an IPv6 /64 counts as one); 0 is no bound. A farm has one address.
    pub sessions_per_address: usize,
    /// Connections that one address may open in a minute; 0 is no bound. A farm comes back all at once.
    pub connects_per_minute: u32,
    /// Lines of one session in a second, beyond which it is read no further in that second; 0 is no bound.
    pub lines_per_second: u32,
    /// Threads that serve sessions; 0 is one for each core.
    pub shards: usize,
    /// A template of the same previous block is refreshed this often: new fees, new time.
    pub template_refresh: Duration,
    /// Shares on a replaced previous hash still count this long: what is on the way is not the rig's fault.
    pub replaced_tip_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 16 << 10,
            unauthorized: Duration::from_secs(15),
            write: Duration::from_secs(10),
            arrival: Duration::from_secs(45),
            farm_idle: Duration::from_secs(2 * 3_600),
            rental_idle: Duration::from_secs(24 * 3_600),
            invalid_patience: Duration::from_secs(60),
            garbage_lines: 8,
            sessions: 50_000,
            // Half of all places: no single address shuts out everybody else.
            sessions_per_address: 25_000,
            connects_per_minute: 30_000,
            // A rig sends one line in seconds; a proxy for a whole farm may send hundreds in a second.
            lines_per_second: 5_000,
            shards: 0,
            template_refresh: Duration::from_secs(30),
            replaced_tip_grace: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("PoolConfig");
        debug.field("first_level", &self.first_level).field("min_level", &self.min_level);
        debug.field("shares_per_minute", &self.shares_per_minute).field("grace", &self.grace);
        debug.field("limits", &self.limits).finish_non_exhaustive()
    }
}
