//! Where rigs connect: `--stratum`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use pool_core::{Limits, ListenerProfile};

/// An address for rigs and whom it is for, written `farm=0.0.0.0:3333`, `rental=0.0.0.0:3334` or, meaning a farm, just
/// the address; `farm+tls=…` and `rental+tls=…` speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StratumListener {
    pub profile: ListenerProfile,
    pub tls: bool,
    pub address: SocketAddr,
}

impl FromStr for StratumListener {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, address) = text.split_once('=').unwrap_or(("farm", text));
        let (profile, tls) = match kind {
            "farm" => (ListenerProfile::Farm, false),
            "farm+tls" => (ListenerProfile::Farm, true),
            "rental" => (ListenerProfile::Rental, false),
            "rental+tls" => (ListenerProfile::Rental, true),
            _ => {
                return Err(format!(
                    "{kind:?} is no profile: write farm=ADDRESS or rental=ADDRESS, with TLS farm+tls=ADDRESS"
                ));
            }
        };
        let address = address.parse().map_err(|_| {
            format!("{address:?} is no address: write an IP address and a port, such as rental=0.0.0.0:3334")
        })?;
        Ok(Self { profile, tls, address })
    }
}

/// The certificate of the addresses that speak TLS.
#[derive(Args, Clone, Debug, Default)]
pub struct TlsFiles {
    /// PEM file with the certificate chain of the addresses with +tls, the server's own first; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_chain: Option<PathBuf>,
    /// PEM file with the private key of --tls-chain
    #[arg(long, value_name = "FILE", requires = "tls_chain")]
    pub tls_key: Option<PathBuf>,
}

/// What strangers may take of the server.
#[derive(Args, Clone, Debug)]
pub struct StratumLimits {
    /// Threads that serve rigs; 0 is one for each core
    #[arg(long, default_value_t = Limits::default().shards, value_name = "N")]
    pub stratum_threads: usize,
    /// Connections of rigs at once
    #[arg(long, default_value_t = Limits::default().sessions, value_name = "N")]
    pub sessions: usize,
    /// Of these from one address (an IPv6 /64 counts as one); 0 is no bound
    #[arg(long, default_value_t = Limits::default().sessions_per_address, value_name = "N")]
    pub sessions_per_address: usize,
    /// Connections that one address may open in a minute; 0 is no bound
    #[arg(long, default_value_t = Limits::default().connects_per_minute, value_name = "N")]
    pub connects_per_minute: u32,
    /// Lines that one connection may send in a second before it has to wait; 0 is no bound
    #[arg(long, default_value_t = Limits::default().lines_per_second, value_name = "N")]
    pub lines_per_second: u32,
}

impl StratumLimits {
    /// The pool's bounds, with the defaults for what is no flag.
    pub fn limits(&self) -> Limits {
        Limits {
            shards: self.stratum_threads,
            sessions: self.sessions,
            sessions_per_address: self.sessions_per_address,
            connects_per_minute: self.connects_per_minute,
            lines_per_second: self.lines_per_second,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_address_is_a_farm_and_a_profile_is_named() {
        #[track_caller]
        fn check(text: &str, profile: ListenerProfile, tls: bool, address: &str) {
            assert_eq!(text.parse(), Ok(StratumListener { profile, tls, address: address.parse().unwrap() }));
        }
        check("127.0.0.1:3333", ListenerProfile::Farm, false, "127.0.0.1:3333");
        check("farm=0.0.0.0:0", ListenerProfile::Farm, false, "0.0.0.0:0");
        check("rental=[::]:3334", ListenerProfile::Rental, false, "[::]:3334");
        check("farm+tls=0.0.0.0:3335", ListenerProfile::Farm, true, "0.0.0.0:3335");
        check("rental+tls=0.0.0.0:3336", ListenerProfile::Rental, true, "0.0.0.0:3336");
    }

    #[test]
    fn what_can_not_be_read_is_told_what_to_write() {
        #[track_caller]
        fn check(text: &str, advice: &str) {
            let error = text.parse::<StratumListener>().unwrap_err();
            assert!(error.contains(advice), "{error}");
        }
        check("rent=0.0.0.0:3333", "write farm=ADDRESS or rental=ADDRESS");
        check("tls=0.0.0.0:3333", "with TLS farm+tls=ADDRESS");
        check("rental=0.0.0.0", "an IP address and a port");
        check("rental=pool.example.com:3334", "an IP address and a port");
        check("", "an IP address and a port");
    }
}
