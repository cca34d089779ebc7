//! Where rigs connect: `--stratum`.

use std::net::SocketAddr;
use std::str::FromStr;

use pool_core::ListenerProfile;

/// An address for rigs and whom it is for, written `farm=0.0.0.0:3333`, `rental=0.0.0.0:3334` or, meaning a farm, just
/// the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StratumListener {
    pub profile: ListenerProfile,
    pub address: SocketAddr,
}

impl FromStr for StratumListener {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (profile, address) = match text.split_once('=') {
            None => (ListenerProfile::Farm, text),
            Some(("farm", address)) => (ListenerProfile::Farm, address),
            Some(("rental", address)) => (ListenerProfile::Rental, address),
            Some((other, _)) => return Err(format!("{other:?} is no profile: write farm=ADDRESS or rental=ADDRESS")),
        };
        let address = address.parse().map_err(|_| {
            format!("{address:?} is no address: write an IP address and a port, such as rental=0.0.0.0:3334")
        })?;
        Ok(Self { profile, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_address_is_a_farm_and_a_profile_is_named() {
        #[track_caller]
        fn check(text: &str, profile: ListenerProfile, address: &str) {
            assert_eq!(text.parse(), Ok(StratumListener { profile, address: address.parse().unwrap() }));
        }
        check("127.0.0.1:3333", ListenerProfile::Farm, "127.0.0.1:3333");
        check("farm=0.0.0.0:0", ListenerProfile::Farm, "0.0.0.0:0");
        check("rental=[::]:3334", ListenerProfile::Rental, "[::]:3334");
    }

    #[test]
    fn what_can_not_be_read_is_told_what_to_write() {
        #[track_caller]
        fn check(text: &str, advice: &str) {
            let error = text.parse::<StratumListener>().unwrap_err();
            assert!(error.contains(advice), "{error}");
        }
        check("rent=0.0.0.0:3333", "write farm=ADDRESS or rental=ADDRESS");
        check("rental=0.0.0.0", "an IP address and a port");
        check("rental=pool.example.com:3334", "an IP address and a port");
        check("", "an IP address and a port");
    }
}
