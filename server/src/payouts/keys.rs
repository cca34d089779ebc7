//! The descriptor of the script that blocks pay to, with its private keys or without.
//!
//! Trusted: whoever has a descriptor with private keys has every coin of the pool. It is read once, is in no log, no
//! answer and no `Debug`, and never leaves the process.

use std::fmt;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Psbt, Script, Transaction, TxOut};
use miniscript::descriptor::{DefiniteDescriptorKey, DescriptorType, KeyMapWrapper};
use miniscript::psbt::PsbtExt as _;
use miniscript::{Descriptor, DescriptorPublicKey};
use thiserror::Error;

/// Indices of a ranged descriptor that are tried.
const INDICES: u32 = 1_000;
/// Without signatures an input is 41 bytes (BIP 144): outpoint, empty script, sequence.
const UNSIGNED_INPUT_WEIGHT: u64 = 4 * 41;

/// How payouts are signed.
pub struct PayoutKeys {
    descriptor: Descriptor<DefiniteDescriptorKey>,
    secrets: Option<KeyMapWrapper>,
    secp: Secp256k1<All>,
}

/// Why a text is no descriptor to pay with, or a transaction is not signed by it. Nothing here quotes the text.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("not an output descriptor (BIP 380): look for a missing bracket or a wrong checksum")]
    NoDescriptor,
    #[error("the descriptor must be of type wpkh, wsh or tr: only their txids don't depend on signatures")]
    NotSegwit,
    #[error("the descriptor does not give the address that blocks pay to, at none of the indices 0 to 999")]
    OtherScript,
    #[error("signatures are missing or wrong: {0}")]
    Unsigned(String),
    #[error("this is not the transaction that was planned: {0}")]
    OtherTransaction(String),
}

impl PayoutKeys {
    /// Reads a descriptor, BIP 380 to 386, that gives `script`.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn parse(text: &str, script: &Script) -> Result<Self, KeyError> {
        let secp = Secp256k1::new();
        // The parser's own message may quote the key.
        let parsed = Descriptor::<DescriptorPublicKey>::parse_descriptor(&secp, text.trim());
        let (descriptor, secrets) = parsed.map_err(|_| KeyError::NoDescriptor)?;
        let is_segwit = matches!(
            descriptor.desc_type(),
            DescriptorType::Wpkh | DescriptorType::Wsh | DescriptorType::WshSortedMulti | DescriptorType::Tr
        );
        if !is_segwit || descriptor.is_multipath() {
            return Err(KeyError::NotSegwit);
        }
        let found = (0..INDICES).filter_map(|index| descriptor.at_derivation_index(index).ok());
        let descriptor = found.into_iter().find(|descriptor| descriptor.script_pubkey() == *script);
        let secrets = (!secrets.is_empty()).then(|| KeyMapWrapper::from(secrets));
        Ok(Self { descriptor: descriptor.ok_or(KeyError::OtherScript)?, secrets, secp })
    }

    /// Whether there is a private key.
    pub fn can_sign(&self) -> bool {
        self.secrets.is_some()
    }

    /// The script that blocks pay to, and the change of payouts.
    pub(super) fn script(&self) -> bitcoin::ScriptBuf {
        self.descriptor.script_pubkey()
    }

    /// Weight of an input with its signatures, at most; `None` for a descriptor that can't be satisfied.
    pub(super) fn input_weight(&self) -> Option<u64> {
        Some(UNSIGNED_INPUT_WEIGHT + self.descriptor.max_weight_to_satisfy().ok()?.to_wu())
    }

    /// What signers need to know of each input.
    pub(super) fn describe(&self, psbt: &mut Psbt, spent: &[TxOut]) -> Result<(), KeyError> {
        for (index, output) in spent.iter().enumerate() {
            psbt.inputs[index].witness_utxo = Some(output.clone());
            let updated = psbt.update_input_with_descriptor(index, &self.descriptor);
            updated.map_err(|error| KeyError::OtherTransaction(error.to_string()))?;
        }
        Ok(())
    }

    /// Signs with the private keys.
    pub(super) fn sign(&self, mut psbt: Psbt) -> Result<Transaction, KeyError> {
        let secrets = self.secrets.as_ref().ok_or_else(|| KeyError::Unsigned("there is no key here".into()))?;
        psbt.sign(secrets, &self.secp).map_err(|(_, errors)| KeyError::Unsigned(format!("{errors:?}")))?;
        self.finish(psbt)
    }

    /// Takes in what was signed elsewhere.
    pub(super) fn combine(&self, mut planned: Psbt, signed: Psbt) -> Result<Transaction, KeyError> {
        planned.combine(signed).map_err(|error| KeyError::OtherTransaction(error.to_string()))?;
        self.finish(planned)
    }

    /// The transaction as nodes take it. Every signature is verified.
    fn finish(&self, mut psbt: Psbt) -> Result<Transaction, KeyError> {
        let unsigned = |error: &dyn fmt::Display| KeyError::Unsigned(error.to_string());
        for index in 0..psbt.inputs.len() {
            if psbt.inputs[index].final_script_witness.is_none() {
                psbt.finalize_inp_mut(&self.secp, index).map_err(|error| unsigned(&error))?;
            }
        }
        psbt.extract(&self.secp).map_err(|error| unsigned(&error))
    }
}

impl fmt::Debug for PayoutKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PayoutKeys").field("can_sign", &self.can_sign()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP 32's first test vector, for test networks.
    const XPRV: &str = "tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m";

    fn script_of(text: &str, index: u32) -> bitcoin::ScriptBuf {
        let (descriptor, _) = Descriptor::parse_descriptor(&Secp256k1::new(), text).unwrap();
        descriptor.at_derivation_index(index).unwrap().script_pubkey()
    }

    #[test]
    fn the_index_of_the_payout_address_is_found() {
        let text = format!("wpkh({XPRV}/84h/1h/0h/0/*)");
        let keys = PayoutKeys::parse(&text, &script_of(&text, 7)).unwrap();
        assert!(keys.can_sign());
        assert_eq!(keys.script(), script_of(&text, 7));
        assert!(matches!(PayoutKeys::parse(&text, &script_of(&text, 1_000)), Err(KeyError::OtherScript)));
    }

    #[test]
    fn only_descriptors_whose_txids_are_known_before_signing_are_taken() {
        for (text, taken) in [
            (format!("tr({XPRV}/0)"), true),
            (format!("wsh(sortedmulti(1,{XPRV}/0,{XPRV}/1))"), true),
            (format!("pkh({XPRV}/0)"), false),
            (format!("sh(wpkh({XPRV}/0))"), false),
        ] {
            assert_eq!(PayoutKeys::parse(&text, &script_of(&text, 0)).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_quote_the_key() {
        let broken = format!("wpkh({XPRV}/84h/1h/0h/0/*");
        let error = PayoutKeys::parse(&broken, &bitcoin::ScriptBuf::new()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("tprv"));
        let text = format!("wpkh({XPRV}/0)");
        let keys = PayoutKeys::parse(&text, &script_of(&text, 0)).unwrap();
        assert_eq!(format!("{keys:?}"), "PayoutKeys { can_sign: true, .. }");
    }

    #[test]
    fn public_descriptors_can_take_signatures_in_but_not_make_them() {
        let secret = bitcoin::secp256k1::SecretKey::from_slice(&[7; 32]).unwrap();
        let secret = bitcoin::PrivateKey::new(secret, bitcoin::NetworkKind::Test);
        let public = secret.public_key(&Secp256k1::new());
        let text = format!("wpkh({public})");
        let keys = PayoutKeys::parse(&text, &script_of(&text, 0)).unwrap();
        assert!(!keys.can_sign());
    }
}
