//! What a listener promises to those who connect to it.

use std::{sync::Arc, time::Duration};

use audit_core::work::Level;
use rustls::ServerConfig;
use tokio::net::TcpListener;

use crate::config::{Limits, PoolConfig};

/// First level of a rental session: difficulty 1,048,576. NiceHash reads the first `mining.set_difficulty` and refuses a
/// pool below its minimum, for which pools take 500,000 to 1,000,000; Braiins asks for 65,536.
const RENTAL_FIRST: i8 = 20;
/// A rental session gets nothing easier: difficulty 524,288, what other pools give NiceHash.
const RENTAL_EASIEST: i8 = 19;

/// Whom a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListenerProfile {
    /// Rigs and proxies of one's own: any size, suggestions are followed.
    #[default]
    Farm,
    /// Hashrate from rental markets: big connections with rules of their own. The first difficulty is at least
    /// 1,048,576, later ones at least 524,288 (unless the network's own target is easier), easier suggestions are
    /// ignored, and silence is borne for long.
    Rental,
}

/// A bound socket and what its sessions get.
#[derive(Debug)]
pub struct Listener {
    /// Where rigs connect.
    pub socket: TcpListener,
    /// Whom it is for.
    pub profile: ListenerProfile,
    /// Set for TLS, see [`crate::tls_from_files`].
    pub tls: Option<Arc<ServerConfig>>,
}

/// The levels that a session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) first: Level,
    pub(crate) easiest: Level,
    /// What a worker suggests below this is ignored.
    pub(crate) easiest_suggestion: Level,
}

impl ListenerProfile {
    /// How long a session may say nothing.
    pub(crate) fn idle(self, limits: &Limits) -> Duration {
        match self {
            Self::Farm => limits.farm_idle,
            Self::Rental => limits.rental_idle,
        }
    }

    /// The configured levels, raised to what the profile promises.
    pub(crate) fn levels(self, config: &PoolConfig) -> Levels {
        let (first, easiest) = (config.first_level, config.min_level);
        match self {
            Self::Farm => Levels { first, easiest, easiest_suggestion: Level::MIN },
            Self::Rental => {
                let first = at_least(first, RENTAL_FIRST);
                Levels { first, easiest: at_least(easiest, RENTAL_EASIEST), easiest_suggestion: first }
            }
        }
    }

    /// Whether jobs that can't be harder than `hardest` break what the profile promises.
    pub(crate) fn is_broken_by(self, hardest: Option<Level>) -> bool {
        self == Self::Rental && hardest.is_none_or(|hardest| hardest.get() < RENTAL_FIRST)
    }
}

fn at_least(level: Level, exponent: i8) -> Level {
    Level::new(exponent).map_or(level, |least| level.max(least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn levels(profile: ListenerProfile, first: i8, min: i8) -> (i8, i8, i8) {
        let level = |exponent| Level::new(exponent).unwrap();
        let config = PoolConfig { first_level: level(first), min_level: level(min), ..fixtures::config() };
        let Levels { first, easiest, easiest_suggestion } = profile.levels(&config);
        (first.get(), easiest.get(), easiest_suggestion.get())
    }

    #[test]
    fn a_farm_has_the_configured_levels_and_a_rental_never_easier_ones_than_markets_ask_for() {
        assert_eq!(levels(ListenerProfile::Farm, 13, 0), (13, 0, -32));
        assert_eq!(levels(ListenerProfile::Rental, 13, 0), (20, 19, 20));
        assert_eq!(levels(ListenerProfile::Rental, 30, 25), (30, 25, 30));
    }

    #[test]
    fn only_a_rental_is_broken_by_an_easy_network() {
        assert!(ListenerProfile::Rental.is_broken_by(Level::new(19)));
        assert!(ListenerProfile::Rental.is_broken_by(None));
        assert!(!ListenerProfile::Rental.is_broken_by(Level::new(20)));
        assert!(!ListenerProfile::Farm.is_broken_by(Level::new(-32)));
    }

    #[test]
    fn a_rental_may_be_silent_for_longer_than_a_farm() {
        let limits = Limits::default();
        assert!(ListenerProfile::Rental.idle(&limits) > ListenerProfile::Farm.idle(&limits));
    }
}
