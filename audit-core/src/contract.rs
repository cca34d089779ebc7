//! A contract as its buyer can prove it: the details, the receipt and the id that both give.

use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    entry::ContractOpen,
    hash::{Hash32, sha256},
    json::{JsonError, from_canonical, to_canonical},
    text::{hex_array, hex_bytes, serde_as_text},
    work::{Sats, Units},
};

/// What was bought. The buyer keeps the exact bytes of its JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractDetails {
    /// H/s.
    pub units: Units,
    /// The contract is in every epoch that starts at or after this time, Unix ms…
    pub from_ms: u64,
    /// …and before this one.
    pub until_ms: u64,
    /// What the whole term costs.
    pub price_sats: Sats,
    /// Leaf index of the terms it was sold under.
    pub terms: u64,
    /// The payment it was activated by.
    pub payment_reference: String,
    /// Script that the buyer is paid to.
    #[serde(with = "hex_bytes")]
    pub payout_script: Vec<u8>,
}

/// A version 4 UUID, written with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uuid(pub [u8; 16]);

/// What the buyer keeps, and with which the verifier binds the public contract id to the purchase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The contract's UUID at the seller.
    pub uuid: Uuid,
    /// 32 bytes drawn by the buyer's client.
    pub nonce: Hash32,
    /// The exact JSON bytes of the details.
    pub details: String,
}

/// Why a receipt can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("receipt: {0}")]
pub struct ReceiptError(#[from] pub JsonError);

impl ContractDetails {
    /// The exact JSON bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }
}

impl Receipt {
    /// The receipt file.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses a receipt file; white space around the canonical JSON is allowed, since people's editors add it.
    ///
    /// # Errors
    /// Not a receipt's JSON.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReceiptError> {
        Ok(from_canonical(bytes.trim_ascii())?)
    }

    /// SHA-256("provenhash/contract/v1\n" ‖ uuid ‖ nonce ‖ SHA-256(details)).
    pub fn contract_id(&self) -> Hash32 {
        let details = sha256(self.details.as_bytes());
        Hash32::of(&[b"provenhash/contract/v1\n", &self.uuid.0[..], &self.nonce.0, &details].concat())
    }

    /// The `contract_open` that the log must have for this receipt.
    ///
    /// # Errors
    /// The details are not in canonical form.
    pub fn contract_open(&self) -> Result<ContractOpen, ReceiptError> {
        let ContractDetails { units, from_ms, until_ms, price_sats, terms, .. } = self.details()?;
        Ok(ContractOpen { contract: self.contract_id(), units, from_ms, until_ms, price_sats, terms })
    }

    /// The details, parsed.
    ///
    /// # Errors
    /// The details are not in canonical form.
    pub fn details(&self) -> Result<ContractDetails, ReceiptError> {
        Ok(from_canonical(self.details.as_bytes())?)
    }
}

/// Why a text is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a UUID in lower case with hyphens")]
pub struct UuidError;

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(formatter, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Uuid {
    type Err = UuidError;
    fn from_str(text: &str) -> Result<Self, UuidError> {
        let digits: String = text.chars().filter(|character| *character != '-').collect();
        let uuid = hex_array(&digits).map(Self).ok_or(UuidError)?;
        if alloc::format!("{uuid}") == text { Ok(uuid) } else { Err(UuidError) }
    }
}

serde_as_text!(Uuid);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn receipt() -> Receipt {
        let details = ContractDetails {
            units: Units::new(100_000).unwrap(),
            from_ms: 1_000,
            until_ms: 2_000,
            price_sats: Sats::new(5_000).unwrap(),
            terms: 1,
            payment_reference: "PH-TEST".into(),
            payout_script: [0x51].into(),
        };
        Receipt { uuid: Uuid([7; 16]), nonce: Hash32([8; 32]), details: String::from_utf8(details.to_bytes()).unwrap() }
    }

    #[test]
    fn id_binds_uuid_nonce_and_every_byte_of_the_details() {
        let id = receipt().contract_id();
        let changed = [
            Receipt { uuid: Uuid([6; 16]), ..receipt() },
            Receipt { nonce: Hash32([9; 32]), ..receipt() },
            Receipt { details: receipt().details.replace("100000", "100001"), ..receipt() },
        ];
        for receipt in changed {
            assert_ne!(receipt.contract_id(), id);
        }
    }

    #[test]
    fn receipt_round_trips_and_uuid_is_strict() {
        let bytes = receipt().to_bytes();
        assert_eq!(Receipt::from_bytes(&[&bytes[..], b"\n"].concat()), Ok(receipt()));
        let open = receipt().contract_open().unwrap();
        assert_eq!((open.contract, open.units.get(), open.terms), (receipt().contract_id(), 100_000, 1));
        let uuid = receipt().uuid.to_string();
        assert_eq!(uuid, "07070707-0707-0707-0707-070707070707");
        assert!(uuid.replace('-', "").parse::<Uuid>().is_err());
    }
}
