//! What every request function can reach.

use std::sync::Arc;

use pool_core::Lots;
use tokio::sync::Semaphore;

use super::access::OperatorToken;
use super::idempotent::InFlight;
use super::metrics::Metrics;
use super::rate::RateLimit;
use crate::app::payments::Paying;
use crate::clock::now_ms;
use crate::config::Config;
use crate::db::Database;
use crate::engine::Engine;

/// Passwords hashed at the same time. Each takes 19 MiB and a core for tens of milliseconds.
const HASHED_AT_ONCE: usize = 4;

/// Shared by all worker threads.
pub struct State {
    pub config: Arc<Config>,
    pub database: Database,
    pub engine: Engine,
    /// Whose rigs are served; the pool asks it too.
    pub lots: Arc<Lots>,
    pub paying: Paying,
    /// Since when lots and metrics count.
    pub started_ms: u64,
    pub metrics: Metrics,
    pub(super) operator_token: OperatorToken,
    pub(super) sign_in_rate: RateLimit,
    pub(super) in_flight: InFlight,
    pub(super) hashing: Semaphore,
}

impl State {
    pub fn new(
        config: Arc<Config>,
        database: Database,
        engine: Engine,
        lots: Arc<Lots>,
        paying: Paying,
        operator_token: OperatorToken,
    ) -> Self {
        Self {
            config,
            database,
            engine,
            lots,
            paying,
            started_ms: now_ms(),
            metrics: Metrics::default(),
            operator_token,
            sign_in_rate: RateLimit::default(),
            in_flight: InFlight::default(),
            hashing: Semaphore::new(HASHED_AT_ONCE),
        }
    }
}
