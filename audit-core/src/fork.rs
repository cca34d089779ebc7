//! A portable proof that a log signed two histories: both notes and, where their sizes differ, the path that shows the
//! second one's past to be another than the first one's. Anyone with the log's key checks it, offline.
//!
//! ```text
//! provenhash/fork-proof@v1
//! prefix <base64 root of the second tree's first entries, as many as the first note covers>
//! hash <base64>                      RFC 6962 consistency proof from that prefix to the second tree
//! first <bytes>
//! <the note of the smaller size>second <bytes>
//! <the other note>
//! ```
//! With equal sizes there is neither `prefix` nor `hash`.

mod relation;

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

pub use relation::{Relation, relate};

use crate::{
    checkpoint::CheckpointError,
    hash::Hash32,
    merkle::verify_consistency,
    policy::{Judged, Policy},
    text::decimal,
    witness::PROOF_MAX,
};

const MAGIC: &str = "provenhash/fork-proof@v1\n";
/// Longest proof that is read, in bytes.
pub const FORK_PROOF_MAX: usize = 2 * crate::checkpoint::CHECKPOINT_MAX + 8_192;

/// Two notes that can't both be honest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForkProof {
    /// The note of the smaller tree.
    pub first: Vec<u8>,
    /// The note of the larger tree, or of one as large.
    pub second: Vec<u8>,
    /// What the second tree's past is; `None` with equal sizes.
    pub past: Option<Past>,
}

/// The root that the second tree had when it was as large as the first, proven from its own root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Past {
    /// That root.
    pub prefix: Hash32,
    /// RFC 6962 consistency proof from it.
    pub proof: Vec<Hash32>,
}

/// Why something is no proof of a fork.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForkError {
    /// Not this format.
    #[error("not a fork proof: malformed at byte {0}")]
    Malformed(usize),
    /// A note that the policy's logs did not sign.
    #[error("the {0} note is not to be believed: {1}")]
    Note(&'static str, CheckpointError),
    /// Notes of two logs.
    #[error("the notes are of two logs, {0} and {1}")]
    Origins(String, String),
    /// The two notes agree, or it is not shown that they don't.
    #[error("the notes do not contradict each other: {0}")]
    NoFork(&'static str),
}

impl ForkProof {
    /// The proof as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::from(MAGIC);
        if let Some(Past { prefix, proof }) = &self.past {
            text += &format!("prefix {}\n", STANDARD.encode(prefix.0));
            for hash in proof {
                text += &format!("hash {}\n", STANDARD.encode(hash.0));
            }
        }
        let head = |name: &str, note: &[u8]| format!("{name} {}\n", note.len()).into_bytes();
        let (first, second) = (head("first", &self.first), head("second", &self.second));
        [text.as_bytes(), &first, &self.first, &second, &self.second].concat()
    }

    /// Parses a proof; nothing is verified.
    ///
    /// # Errors
    /// [`ForkError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ForkError> {
        let mut rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(ForkError::Malformed(0))?;
        let mut past = None;
        while let Some((word, value)) = line(&mut rest, |word| matches!(word, "prefix" | "hash")) {
            let at = ForkError::Malformed(bytes.len() - rest.len());
            let hash = STANDARD.decode(value).ok().and_then(|hash| hash.try_into().ok());
            let hash = Hash32(hash.ok_or_else(|| at.clone())?);
            match (word, &mut past) {
                ("prefix", None) => past = Some(Past { prefix: hash, proof: Vec::new() }),
                ("hash", Some(past)) if past.proof.len() < PROOF_MAX => past.proof.push(hash),
                _ => return Err(at),
            }
        }
        let mut note = |name| {
            let at = ForkError::Malformed(bytes.len() - rest.len());
            let (_, length) = line(&mut rest, |word| word == name).ok_or_else(|| at.clone())?;
            let length = decimal(length).ok_or_else(|| at.clone())?;
            let (note, behind) = rest.split_at_checked(length).ok_or(at)?;
            rest = behind;
            Ok(note.to_vec())
        };
        let (first, second) = (note("first")?, note("second")?);
        if rest.is_empty() {
            Ok(Self { first, second, past })
        } else {
            Err(ForkError::Malformed(bytes.len() - rest.len()))
        }
    }

    /// Whether this proves that a log of the policy forked; the two heads, if so.
    ///
    /// # Errors
    /// See [`ForkError`].
    pub fn check(&self, policy: &Policy) -> Result<(Judged, Judged), ForkError> {
        let judge = |name, note: &[u8]| policy.judge_log(note).map_err(|error| ForkError::Note(name, error));
        let (first, second) = (judge("first", &self.first)?, judge("second", &self.second)?);
        let (old, new) = (&first.checkpoint, &second.checkpoint);
        if old.origin != new.origin {
            return Err(ForkError::Origins(old.origin.clone(), new.origin.clone()));
        }
        match &self.past {
            None if old.size != new.size => Err(ForkError::NoFork("their sizes differ and no path is given")),
            None if old.root == new.root => Err(ForkError::NoFork("they have one size and one root")),
            None => Ok((first, second)),
            Some(_) if old.size >= new.size => Err(ForkError::NoFork("a path leads from a smaller to a larger tree")),
            Some(past) if past.prefix == old.root => Err(ForkError::NoFork("the second continues the first")),
            Some(Past { prefix, proof }) => {
                verify_consistency(old.size, new.size, proof, prefix, &new.root)
                    .map_err(|_| ForkError::NoFork("the path does not lead to the second root"))?;
                Ok((first, second))
            }
        }
    }
}

/// Takes the line `<word> <value>` off the front when `wanted`.
fn line<'a>(rest: &mut &'a [u8], wanted: impl Fn(&str) -> bool) -> Option<(&'a str, &'a str)> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (word, value) = core::str::from_utf8(rest.get(..end)?).ok()?.split_once(' ')?;
    if !wanted(word) {
        return None;
    }
    *rest = rest.get(end + 1..)?;
    Some((word, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::{Checkpoint, LogKey},
        merkle::{consistency_proof, leaf_hash, tree_root},
        tile_tree::{Edge, TileStore},
    };

    fn log() -> LogKey {
        LogKey::new("log.example", &[7; 32])
    }

    /// A history of the log: `view` is in its third entry.
    fn leaves(view: u8, size: u8) -> Vec<Hash32> {
        (0..size).map(|number| leaf_hash(&[number, if number == 2 { view } else { 0 }])).collect()
    }

    fn note(view: u8, size: u8) -> Vec<u8> {
        let root = tree_root(&leaves(view, size));
        Checkpoint { origin: "log.example".into(), size: size.into(), root }.sign(&log())
    }

    fn past(view: u8, old: u8, new: u8) -> Option<Past> {
        let prefix = tree_root(&leaves(view, old));
        Some(Past { prefix, proof: consistency_proof(old.into(), &leaves(view, new)).unwrap() })
    }

    fn check(proof: &ForkProof) -> Result<(), ForkError> {
        let parsed = ForkProof::parse(&proof.to_bytes());
        assert_eq!(parsed.as_ref(), Ok(proof));
        proof.check(&Policy::of_log(log().vkey())).map(drop)
    }

    #[test]
    fn forks_are_proven_at_every_pair_of_sizes() {
        for old in 3..12 {
            assert_eq!(check(&ForkProof { first: note(1, old), second: note(2, old), past: None }), Ok(()));
            for new in old + 1..12 {
                let proof = ForkProof { first: note(1, old), second: note(2, new), past: past(2, old, new) };
                assert_eq!(check(&proof), Ok(()), "{old} {new}");
            }
        }
    }

    #[test]
    fn an_honest_log_can_not_be_accused() {
        let no_fork =
            |first, second, past| matches!(check(&ForkProof { first, second, past }), Err(ForkError::NoFork(_)));
        assert!(no_fork(note(1, 5), note(1, 5), None));
        assert!(no_fork(note(1, 5), note(1, 9), None));
        for (old, new) in [(3, 8), (4, 8), (5, 9), (7, 11)] {
            assert!(no_fork(note(1, old), note(1, new), past(1, old, new)));
            // The path of another history does not lead to this log's root.
            assert!(no_fork(note(1, old), note(1, new), past(2, old, new)));
            assert!(no_fork(note(1, new), note(1, old), past(1, old, new)));
        }
    }

    /// The tiles of a history.
    struct Tiles(std::collections::BTreeMap<String, Vec<u8>>);

    impl Tiles {
        fn new(view: u8, size: u8) -> Self {
            let mut edge = Edge::new();
            let mut files = std::collections::BTreeMap::new();
            for number in 0..size {
                let entry = [number, if number == 2 { view } else { 0 }];
                files.extend(edge.push(&entry).into_iter().map(|file| (file.path, file.bytes)));
            }
            files.extend(edge.partial_files(0).into_iter().map(|file| (file.path, file.bytes)));
            Self(files)
        }
    }

    impl TileStore for Tiles {
        type Error = core::convert::Infallible;

        fn read_tile(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
            Ok(self.0.get(path).cloned())
        }
    }

    fn checkpoint(view: u8, size: u8) -> Checkpoint {
        Checkpoint { origin: "log.example".into(), size: size.into(), root: tree_root(&leaves(view, size)) }
    }

    #[test]
    fn tiles_tell_growth_from_forks_and_prove_them() {
        for new in 3..20 {
            let tiles = Tiles::new(2, new);
            for old in 3..=new {
                let related = |view| relate(&tiles, &checkpoint(view, old), &checkpoint(2, new)).unwrap();
                assert_eq!(related(2), Relation::Consistent, "{old} {new}");
                let Relation::Fork(past) = related(1) else { panic!("{old} {new}") };
                assert_eq!(check(&ForkProof { first: note(1, old), second: note(2, new), past }), Ok(()));
            }
            assert_eq!(relate(&tiles, &checkpoint(1, 2), &checkpoint(2, new)), Ok(Relation::Consistent));
        }
    }

    #[test]
    fn tiles_of_another_tree_prove_nothing() {
        for (old, new) in [(3, 8), (5, 9), (7, 12)] {
            let (smaller, larger) = (checkpoint(1, old), checkpoint(1, new));
            assert_eq!(relate(&Tiles::new(2, new), &smaller, &larger), Ok(Relation::Unproven));
            assert!(relate(&Tiles::new(1, old), &smaller, &larger).is_err(), "tiles are missing");
        }
    }

    #[test]
    fn notes_must_be_the_logs_own() {
        let imposter = Checkpoint { origin: "log.example".into(), size: 5, root: Hash32([1; 32]) };
        let imposter = imposter.sign(&LogKey::new("log.example", &[8; 32]));
        let refused = check(&ForkProof { first: note(1, 5), second: imposter, past: None });
        assert!(matches!(refused, Err(ForkError::Note("second", _))));
    }

    #[test]
    fn malformed_proofs_are_refused() {
        let proof = ForkProof { first: note(1, 5), second: note(2, 9), past: past(2, 5, 9) }.to_bytes();
        for end in 0..proof.len() {
            assert!(matches!(ForkProof::parse(&proof[..end]), Err(ForkError::Malformed(_))), "{end}");
        }
        let longer = [&proof[..], b"\n"].concat();
        assert_eq!(ForkProof::parse(&longer), Err(ForkError::Malformed(proof.len())));
        let twice = String::from_utf8(proof).unwrap().replace("hash ", "prefix ");
        assert!(ForkProof::parse(twice.as_bytes()).is_err());
    }
}
