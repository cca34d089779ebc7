//! Verifier keys of c2sp.org/signed-note: a name, the key's id, and an Ed25519 key of one of two signature types.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use signed_note::{Verifier, is_key_name_valid, key_id};
use thiserror::Error;

use crate::cosignature;

/// The public key of a log or witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vkey {
    name: String,
    id: u32,
    kind: KeyKind,
    key: VerifyingKey,
}

/// What the key signs, by its signature type (c2sp.org/signed-note).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// 0x01: the text of a log's checkpoint.
    Log,
    /// 0x04: timestamped cosignatures of a witness (c2sp.org/tlog-cosignature).
    Witness,
}

/// Why a text is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VkeyError {
    /// Not of the form, or the id is not the key's.
    #[error("expected a verifier key: name+8 hex digits+base64 of a typed Ed25519 key")]
    Malformed,
    /// A signature type that this verifier does not check.
    #[error("verifier key of type 0x{0:02x}; logs have 0x01, witnesses 0x04")]
    Type(u8),
}

impl Vkey {
    pub(crate) fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Self {
        Self { name: name.into(), id: key_id(name, &typed(kind, &key)), kind, key }
    }

    /// The key's name: a log's origin, a witness's identity.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the Ed25519 key: keys are the same when these are, whatever they are called.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }
}

impl Verifier for Vkey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    /// Strictly: keys of small order and signatures of non-canonical form are refused.
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let strict = |message: &[u8], signature: &[u8]| {
            Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
        };
        match self.kind {
            KeyKind::Log => strict(text, signature),
            KeyKind::Witness => cosignature::split(signature)
                .is_some_and(|(time_s, signature)| strict(&cosignature::message(time_s, text), signature)),
        }
    }
}

impl core::fmt::Display for Vkey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(typed(self.kind, &self.key)))
    }
}

impl core::str::FromStr for Vkey {
    type Err = VkeyError;
    fn from_str(text: &str) -> Result<Self, VkeyError> {
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, _, key] = parts[..] else { return Err(VkeyError::Malformed) };
        let typed = STANDARD.decode(key).map_err(|_| VkeyError::Malformed)?;
        let (kind, key) = typed.split_first().ok_or(VkeyError::Malformed)?;
        let kind = match kind {
            0x01 => KeyKind::Log,
            0x04 => KeyKind::Witness,
            other => return Err(VkeyError::Type(*other)),
        };
        let key: &[u8; 32] = key.try_into().map_err(|_| VkeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| VkeyError::Malformed)?;
        let vkey = Self::new(name, kind, key);
        let is_sound = vkey.to_string() == text && is_key_name_valid(name) && !vkey.key.is_weak();
        if is_sound { Ok(vkey) } else { Err(VkeyError::Malformed) }
    }
}

/// A signature line of a note, as it stands behind the blank line.
pub(crate) fn signature_line(vkey: &Vkey, signature: &[u8]) -> String {
    let signature = STANDARD.encode([&vkey.id.to_be_bytes()[..], signature].concat());
    format!("\u{2014} {} {signature}\n", vkey.name)
}

fn typed(kind: KeyKind, key: &VerifyingKey) -> [u8; 33] {
    let mut typed = [kind.byte(); 33];
    typed[1..].copy_from_slice(key.as_bytes());
    typed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checkpoint::LogKey, cosignature::WitnessKey};

    #[test]
    fn vkeys_round_trip_and_are_strict() {
        for vkey in [LogKey::new("log.example/pool/v1", &[7; 32]).vkey(), WitnessKey::new("log.w", &[7; 32]).vkey()] {
            let text = vkey.to_string();
            assert_eq!(text.parse(), Ok(vkey));
            for wrong in [text.to_uppercase(), text.replace("log", "gol"), text.replace('+', "-"), format!("{text}=")] {
                assert!(wrong.parse::<Vkey>().is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn key_ids_commit_to_name_type_and_key() {
        let (log, witness) = (LogKey::new("a", &[7; 32]).vkey(), WitnessKey::new("a", &[7; 32]).vkey());
        assert_eq!(log.public_key(), witness.public_key());
        let id = |byte: u8| {
            let hash = crate::hash::sha256(&[b"a\n", &[byte][..], log.public_key()].concat());
            u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
        };
        assert_eq!((log.id, witness.id), (id(0x01), id(0x04)));
    }

    #[test]
    fn other_types_and_keys_of_small_order_are_refused() {
        let of = |typed: &[u8]| format!("a+{:08x}+{}", key_id("a", typed), STANDARD.encode(typed));
        let sound = LogKey::new("a", &[7; 32]).vkey();
        assert_eq!(of(&[&[0x01], &sound.public_key()[..]].concat()).parse(), Ok(sound.clone()));
        assert_eq!(of(&[&[0x06], &sound.public_key()[..]].concat()).parse::<Vkey>(), Err(VkeyError::Type(0x06)));
        let mut neutral = [0; 33];
        (neutral[0], neutral[1]) = (0x01, 0x01);
        assert_eq!(of(&neutral).parse::<Vkey>(), Err(VkeyError::Malformed));
        assert_eq!(of(&[0x01; 32]).parse::<Vkey>(), Err(VkeyError::Malformed));
    }
}
