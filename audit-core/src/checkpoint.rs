//! Checkpoints: signed notes over origin, tree size and root (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use signed_note::{Note, NoteError, Signer, Verifier, VerifierList, key_id, new_ed25519_verifier_key};
use thiserror::Error;

use crate::{hash::Hash32, text::decimal};

/// Longest checkpoint note that is read, in bytes: 100 signatures and a long origin fit.
pub const CHECKPOINT_MAX: usize = 65_536;
/// Signature type of a log's checkpoint (c2sp.org/signed-note).
const ED25519: u8 = 0x01;

/// What a log says about itself: that at `size` entries its root is `root`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash32,
}

/// The private key of a log. `Debug` shows only the name.
pub struct LogKey {
    origin: String,
    key: SigningKey,
}

/// The public key of a log or witness: name, key id, type and key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vkey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// Why a checkpoint is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error("not a signed note")]
    Note,
    /// A signature of the log's key that does not verify.
    #[error("the signature of {0} does not verify")]
    Signature(String),
    /// No signature of the log's key.
    #[error("not signed by {0}")]
    Unsigned(String),
    /// The note's text is no checkpoint.
    #[error("line {0} of the checkpoint is malformed")]
    Text(usize),
    /// The checkpoint of another log.
    #[error("checkpoint of the log {found}, expected {expected}")]
    Origin {
        /// The key's name.
        expected: String,
        /// The checkpoint's origin.
        found: String,
    },
}

/// Why a text is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a verifier key: name+8 hex digits+base64 of an Ed25519 key")]
pub struct VkeyError;

impl Checkpoint {
    /// The three lines that are signed and that anchors quote.
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// Parses the three lines; further lines that are not empty are allowed and ignored.
    ///
    /// # Errors
    /// [`CheckpointError::Text`] with the line, from 1.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Text(1))?.split('\n');
        let mut next = |number| lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Text(number));
        let origin = next(1)?.to_string();
        let size = decimal(next(2)?).ok_or(CheckpointError::Text(2))?;
        let root = STANDARD.decode(next(3)?).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or(CheckpointError::Text(3))?;
        match lines.position(str::is_empty) {
            Some(index) => Err(CheckpointError::Text(4 + index)),
            None => Ok(Self { origin, size, root: Hash32(root) }),
        }
    }

    /// Verifies a note and parses the checkpoint in it.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn from_note(note: &[u8], log: &Vkey) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Note)?;
        let verifiers = VerifierList::new(vec![Box::new(log.clone())]);
        note.verify(&verifiers).map_err(|error| match error {
            NoteError::UnverifiedNote => CheckpointError::Unsigned(log.name.clone()),
            NoteError::InvalidSignature { name, .. } => CheckpointError::Signature(name),
            _ => CheckpointError::Note,
        })?;
        let text = core::str::from_utf8(note.text()).map_err(|_| CheckpointError::Note)?;
        let checkpoint = Self::parse(text)?;
        if checkpoint.origin == log.name {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin { expected: log.name.clone(), found: checkpoint.origin })
        }
    }

    /// The signed note.
    pub fn sign(&self, key: &LogKey) -> Vec<u8> {
        let text = self.body();
        let id = key_id(&key.origin, &typed_key(&key.key.verifying_key()));
        let signature = key.key.sign(text.as_bytes()).to_bytes();
        let signature = STANDARD.encode([&id.to_be_bytes()[..], &signature].concat());
        format!("{text}\n\u{2014} {} {signature}\n", key.origin).into_bytes()
    }
}

impl LogKey {
    /// From the 32-byte Ed25519 seed.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Self {
        Self { origin: origin.into(), key: SigningKey::from_bytes(seed) }
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public key.
    pub fn vkey(&self) -> Vkey {
        let key = self.key.verifying_key();
        Vkey { name: self.origin.clone(), id: key_id(&self.origin, &typed_key(&key)), key }
    }
}

impl core::fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "LogKey({}, ***)", self.origin)
    }
}

impl Signer for LogKey {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        self.vkey().id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.sign(message).to_bytes().into())
    }
}

impl Vkey {
    /// The key's name: a log's origin.
    pub fn name(&self) -> &str {
        &self.name
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
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl core::fmt::Display for Vkey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(&new_ed25519_verifier_key(&self.name, &self.key))
    }
}

impl core::str::FromStr for Vkey {
    type Err = VkeyError;
    fn from_str(text: &str) -> Result<Self, VkeyError> {
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, _, key] = parts[..] else { return Err(VkeyError) };
        let typed = STANDARD.decode(key).map_err(|_| VkeyError)?;
        let (kind, key) = typed.split_first().ok_or(VkeyError)?;
        let key: [u8; 32] = key.try_into().map_err(|_| VkeyError)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| VkeyError)?;
        let vkey = Self { name: name.into(), id: key_id(name, &typed), key };
        if *kind == ED25519 && vkey.to_string() == text && signed_note::is_key_name_valid(name) {
            Ok(vkey)
        } else {
            Err(VkeyError)
        }
    }
}

fn typed_key(key: &VerifyingKey) -> [u8; 33] {
    let mut typed = [ED25519; 33];
    typed[1..].copy_from_slice(key.as_bytes());
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> LogKey {
        LogKey::new("log.example/pool/v1", &[7; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "log.example/pool/v1".into(), size: 42, root: Hash32([9; 32]) }
    }

    #[test]
    fn the_published_note_example_verifies() {
        let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let vkey: Vkey = vkey.parse().unwrap();
        let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let note = Note::from_bytes(note.as_bytes()).unwrap();
        assert!(note.verify(&VerifierList::new(vec![Box::new(vkey)])).is_ok());
    }

    #[test]
    fn signed_checkpoint_verifies_and_no_byte_can_change() {
        let note = checkpoint().sign(&key());
        let vkey = key().vkey();
        assert_eq!(Checkpoint::from_note(&note, &vkey), Ok(checkpoint()));
        for index in 0..note.len() {
            for bit in 0..8 {
                let mut flipped = note.clone();
                flipped[index] ^= 1 << bit;
                assert!(Checkpoint::from_note(&flipped, &vkey).is_err(), "byte {index}");
            }
        }
    }

    #[test]
    fn our_signature_is_the_crates_signature() {
        let mut note = Note::new(checkpoint().body().as_bytes(), &[]).unwrap();
        note.add_sigs(&[&key()]).unwrap();
        assert_eq!(note.to_bytes(), checkpoint().sign(&key()));
    }

    #[test]
    fn vkeys_round_trip_and_are_strict() {
        let text = key().vkey().to_string();
        assert_eq!(text.parse(), Ok(key().vkey()));
        for wrong in [text.to_uppercase(), text.replace("log", "gol"), text.replace('+', "-"), format!("{text}=")] {
            assert_eq!(wrong.parse::<Vkey>(), Err(VkeyError), "{wrong}");
        }
    }

    #[test]
    fn malformed_checkpoint_texts_are_refused_with_their_line() {
        let root = STANDARD.encode([9; 32]);
        #[track_caller]
        fn check(text: &str, line: usize) {
            assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Text(line)), "{text:?}");
        }
        check("", 1);
        check("\n1\nAAAA\n", 1);
        check(&format!("o\n01\n{root}\n"), 2);
        check(&format!("o\n+1\n{root}\n"), 2);
        check("o\n1\nAAAA\n", 3);
        check(&format!("o\n1\n{root}\n\n"), 4);
        check(&format!("o\n1\n{root}"), 1);
        assert!(Checkpoint::parse(&format!("o\n1\n{root}\nextension\n")).is_ok());
    }
}
