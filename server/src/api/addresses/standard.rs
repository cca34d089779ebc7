//! Addresses that can be paid.

use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, AddressType, Network, ScriptBuf};

use crate::problem::FieldError;

/// An address of the log's network, of a type that every wallet can receive on.
#[derive(Clone, Debug)]
pub struct StandardAddress {
    pub text: String,
    pub script: ScriptBuf,
}

impl StandardAddress {
    /// Only the script types that every wallet can receive on: later witness versions may be anyone's to spend.
    pub fn parse(field: &str, text: &str, network: Network) -> Result<Self, FieldError> {
        let wrong = |detail: String| FieldError::new(field, detail);
        let address = Address::<NetworkUnchecked>::from_str(text)
            .map_err(|_| wrong("must be a Bitcoin address: a character is wrong or missing".into()))?
            .require_network(network)
            .map_err(|_| wrong(format!("must be an address of the network {network}")))?;
        match address.address_type() {
            Some(
                AddressType::P2pkh | AddressType::P2sh | AddressType::P2wpkh | AddressType::P2wsh | AddressType::P2tr,
            ) => Ok(Self { text: address.to_string(), script: address.script_pubkey() }),
            _ => Err(wrong("must be of type P2PKH, P2SH, P2WPKH, P2WSH or P2TR".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_another_network_and_unknown_witness_versions_are_refused() {
        let parse = |text| StandardAddress::parse("payout_address", text, Network::Regtest);
        assert!(parse("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080").is_ok());
        // BIP 350's example of a version 2 program, for regtest.
        for text in ["bcrt1zw508d6qejxtdg4y5r3zarvaryvqgvdk9", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "x"] {
            assert_eq!(parse(text).unwrap_err().field, "payout_address", "{text}");
        }
    }
}
