//! Output descriptors as an operator writes them.

use bdk_wallet::KeychainKind;
use bdk_wallet::bitcoin::{Network, secp256k1::Secp256k1};
use bdk_wallet::chain::DescriptorExt as _;
use bdk_wallet::keys::KeyMap;
use bdk_wallet::miniscript::descriptor::DescriptorPublicKey;
use bdk_wallet::miniscript::{Descriptor, ForEachKey};

use super::WalletError;

/// The scripts of a wallet, without any private key: one descriptor, or one for receiving and one for change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    pub(super) receive: Descriptor<DescriptorPublicKey>,
    pub(super) change: Option<Descriptor<DescriptorPublicKey>>,
}

impl Descriptors {
    /// Reads a descriptor such as `wpkh([fingerprint/84h/0h/0h]xpub…/0/*)`, or with both paths as `…/<0;1>/*`.
    ///
    /// # Errors
    /// It can't be parsed, holds a private key, has no wildcard, or its keys are of the other kind of network.
    pub fn watch_only(text: &str, network: Network) -> Result<Self, WalletError> {
        let (descriptors, keys) = Self::with_keys(text, network)?;
        if keys.is_empty() { Ok(descriptors) } else { Err(wrong("it holds a private key: give the public one (xpub)")) }
    }

    /// Reads a descriptor that may hold private keys, which are returned beside it: they sign with
    /// `Psbt::sign(&keys, wallet.secp_ctx())` and are kept by nobody else.
    ///
    /// # Errors
    /// As [`Descriptors::watch_only`].
    pub fn with_keys(text: &str, network: Network) -> Result<(Self, KeyMap), WalletError> {
        let parsed = Descriptor::parse_descriptor(&Secp256k1::new(), text.trim());
        // The parser's own text may repeat what it could not read, which may be a key.
        let (descriptor, keys) = parsed.map_err(|_| wrong("it can't be read"))?;
        let is_of_network = descriptor.for_each_key(|key| match key {
            DescriptorPublicKey::XPub(key) => key.xkey.network == network.into(),
            DescriptorPublicKey::MultiXPub(key) => key.xkey.network == network.into(),
            DescriptorPublicKey::Single(_) => true,
        });
        if !is_of_network {
            return Err(wrong(&format!("its keys are not of the network {network}")));
        }
        let mut single =
            descriptor.into_single_descriptors().map_err(|_| wrong("its paths can't be read"))?.into_iter();
        let (Some(receive), change, None) = (single.next(), single.next(), single.next()) else {
            return Err(wrong("it has more than two paths"));
        };
        if !receive.has_wildcard() || change.as_ref().is_some_and(|change| !change.has_wildcard()) {
            return Err(wrong("it has no wildcard: end the key's path with /*"));
        }
        Ok((Self { receive, change }, keys))
    }

    /// Names the scripts: equal for equal descriptors.
    pub fn id(&self) -> String {
        self.receive.descriptor_id().to_string()[..16].to_owned()
    }

    /// The keychain that change goes to.
    pub fn change_keychain(&self) -> KeychainKind {
        if self.change.is_some() { KeychainKind::Internal } else { KeychainKind::External }
    }
}

fn wrong(reason: &str) -> WalletError {
    WalletError::Descriptor(reason.to_owned())
}
