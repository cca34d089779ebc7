//! Checkpoints: signed notes over origin, tree size and root (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use signed_note::{Note, NoteError, Verifier, VerifierList};
use thiserror::Error;

pub use crate::vkey::{KeyKind, Vkey, VkeyError};
use crate::{hash::Hash32, text::decimal, vkey::signature_line};

/// Longest checkpoint note that is read, in bytes: 100 signatures and a long origin fit.
pub const CHECKPOINT_MAX: usize = 65_536;
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
    /// Too few cosignatures.
    #[error("cosigned by {found}, the policy asks for {expected}")]
    Quorum {
        /// The policy's quorum.
        expected: String,
        /// The witnesses that cosigned.
        found: String,
    },
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

    /// Verifies a note of one log and parses the checkpoint in it.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn from_note(note: &[u8], log: &Vkey) -> Result<Self, CheckpointError> {
        Ok(SignedNote::parse(note)?.verify(core::slice::from_ref(log), &[])?.0)
    }

    /// The signed note.
    pub fn sign(&self, key: &LogKey) -> Vec<u8> {
        let text = self.body();
        let signature = key.key.sign(text.as_bytes()).to_bytes();
        format!("{text}\n{}", signature_line(&key.vkey(), &signature)).into_bytes()
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
        Vkey::new(&self.origin, KeyKind::Log, self.key.verifying_key())
    }
}

impl core::fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "LogKey({}, ***)", self.origin)
    }
}

/// A note whose signatures are not yet verified: nothing in it is to be believed.
pub(crate) struct SignedNote {
    note: Note,
    checkpoint: Checkpoint,
}

/// A signature that was verified: which key's, and the bytes.
pub(crate) struct Verified<'a> {
    pub(crate) key: &'a Vkey,
    pub(crate) signature: Vec<u8>,
}

impl SignedNote {
    /// Parses a note and the checkpoint in it.
    pub(crate) fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Note)?;
        let text = core::str::from_utf8(note.text()).map_err(|_| CheckpointError::Note)?;
        let checkpoint = Checkpoint::parse(text)?;
        Ok(Self { note, checkpoint })
    }

    /// The origin that the note claims: which keys it is to be verified with.
    pub(crate) fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// The bytes that are signed.
    pub(crate) fn text(&self) -> &[u8] {
        self.note.text()
    }

    /// Verifies the note with every key of its origin among `logs` and every witness; of each key the first signature
    /// counts, one that does not verify condemns the note, unknown keys are ignored (c2sp.org/signed-note).
    pub(crate) fn verify<'a>(
        self,
        logs: &'a [Vkey],
        witnesses: &'a [Vkey],
    ) -> Result<(Checkpoint, Vec<Verified<'a>>), CheckpointError> {
        let of_origin = || logs.iter().filter(|log| log.name() == self.checkpoint.origin);
        if of_origin().next().is_none() {
            let expected = logs.iter().map(Vkey::name).collect::<Vec<_>>().join(" or ");
            return Err(CheckpointError::Origin { expected, found: self.checkpoint.origin });
        }
        let known: Vec<&Vkey> = of_origin().chain(witnesses).collect();
        let boxed = known.iter().map(|key| Box::new((*key).clone()) as Box<dyn Verifier>);
        let unsigned = || CheckpointError::Unsigned(self.checkpoint.origin.clone());
        let (signatures, _) = self.note.verify(&VerifierList::new(boxed.collect())).map_err(|error| match error {
            NoteError::UnverifiedNote => unsigned(),
            NoteError::InvalidSignature { name, .. } => CheckpointError::Signature(name),
            _ => CheckpointError::Note,
        })?;
        let key_of = |signature: &signed_note::Signature| {
            let id = (signature.name(), signature.id());
            known.iter().copied().find(|key| (key.name(), key.key_id()) == id)
        };
        let verified = signatures.iter().filter_map(|signature| {
            Some(Verified { key: key_of(signature)?, signature: signature.signature().to_vec() })
        });
        let verified: Vec<Verified<'a>> = verified.collect();
        if verified.iter().any(|signature| signature.key.kind() == KeyKind::Log) {
            Ok((self.checkpoint, verified))
        } else {
            Err(unsigned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

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
    fn our_note_is_the_crates_note() {
        let note = checkpoint().sign(&key());
        assert_eq!(Note::from_bytes(&note).unwrap().to_bytes(), note);
    }

    #[test]
    fn a_checkpoint_of_another_origin_is_refused() {
        let other = LogKey::new("log.example/other", &[7; 32]);
        let expected = CheckpointError::Origin { expected: other.origin().into(), found: checkpoint().origin };
        assert_eq!(Checkpoint::from_note(&checkpoint().sign(&key()), &other.vkey()), Err(expected));
        assert_eq!(
            Checkpoint::from_note(&checkpoint().sign(&other), &key().vkey()),
            Err(CheckpointError::Unsigned(checkpoint().origin))
        );
    }

    #[test]
    fn unknown_signatures_are_ignored_and_false_ones_condemn() {
        let vkey = key().vkey();
        let note = checkpoint().sign(&key());
        let with = |line: &str| [&note[..], line.as_bytes()].concat();
        assert!(Checkpoint::from_note(&with("\u{2014} stranger AAAAAAAA\n"), &vkey).is_ok());
        let text = [b"x", checkpoint().body().as_bytes()].concat();
        assert!(Checkpoint::from_note(&with("\u{2014} stranger AAAAAAAA"), &vkey).is_err(), "no line end");
        let forged = format!("{}\n{}", checkpoint().body(), signature_line(&vkey, &key().key.sign(&text).to_bytes()));
        assert_eq!(
            Checkpoint::from_note(forged.as_bytes(), &vkey),
            Err(CheckpointError::Signature("log.example/pool/v1".into()))
        );
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
