//! Proofs that one entry is in a log, as a text that anyone can keep and verify offline (c2sp.org/tlog-proof).

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::{
    checkpoint::{CHECKPOINT_MAX, Checkpoint},
    entry::ENTRY_MAX,
    hash::Hash32,
    merkle::{ProofError, leaf_hash, verify_inclusion},
    text::decimal,
};

/// First line of every proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of less than 2⁶⁴ leaves has no longer path.
const HASHES_MAX: usize = 64;
/// Longest proof that is read, in bytes: the longest entry in base64, a full path, the longest checkpoint.
pub const TLOG_PROOF_MAX: usize = ENTRY_MAX.div_ceil(3) * 4 + HASHES_MAX * 45 + CHECKPOINT_MAX + 128;

/// A parsed proof. Nothing in it is true before it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlogProof {
    /// Data that comes with the proof; here the entry's bytes.
    pub extra: Option<Vec<u8>>,
    /// The entry's leaf index.
    pub index: u64,
    /// RFC 6962 PATH, the leaf's sibling first.
    pub hashes: Vec<Hash32>,
    /// The checkpoint's signed note, verbatim.
    pub note: Vec<u8>,
}

/// Why a text is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line} of the proof: expected {expected}")]
pub struct ProofFormatError {
    /// From 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl TlogProof {
    /// Parses a proof, strictly: there is exactly one text for each proof.
    ///
    /// # Errors
    /// The first line that is not as the specification says.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFormatError> {
        Self::parse_rest(&mut Lines::new(bytes))
    }

    /// Parses a proof that is the rest of a longer text.
    pub(crate) fn parse_rest(lines: &mut Lines<'_>) -> Result<Self, ProofFormatError> {
        lines.exactly(HEADER)?;
        let mut line = lines.next("'extra <base64>' or 'index <number>'")?;
        let extra = match line.strip_prefix("extra ") {
            None => None,
            Some(extra) => {
                let extra = STANDARD.decode(extra).ok().filter(|extra| !extra.is_empty());
                let extra = extra.ok_or_else(|| lines.error("'extra <base64>'"))?;
                line = lines.next("'index <number>'")?;
                Some(extra)
            }
        };
        let index = line.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or_else(|| lines.error("'index <number>'"))?;
        let hashes = lines.hashes(HASHES_MAX)?;
        let note = lines.rest();
        if note.is_empty() || note.len() > CHECKPOINT_MAX {
            return Err(lines.error("a checkpoint"));
        }
        Ok(Self { extra, index, hashes, note: note.to_vec() })
    }

    /// The proof's text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text += &format!("extra {}\n", STANDARD.encode(extra));
        }
        text += &format!("index {}\n", self.index);
        push_hashes(&mut text, &self.hashes);
        [text.as_bytes(), &self.note].concat()
    }

    /// Verifies that `entry` is in the log of `head`, which is the judged checkpoint of [`TlogProof::note`].
    ///
    /// # Errors
    /// See [`ProofError`].
    pub fn verify(&self, entry: &[u8], head: &Checkpoint) -> Result<(), ProofError> {
        verify_inclusion(&leaf_hash(entry), self.index, head.size, &self.hashes, &head.root)
    }
}

/// Appends the hashes and the empty line behind them.
pub(crate) fn push_hashes(text: &mut String, hashes: &[Hash32]) {
    for hash in hashes {
        *text += &STANDARD.encode(hash.0);
        text.push('\n');
    }
    text.push('\n');
}

/// A text line by line, with the number of the line at hand.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The next line without its end; every line has one.
    pub(crate) fn next(&mut self, expected: &'static str) -> Result<&'a str, ProofFormatError> {
        self.number += 1;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) = end.map(|end| self.rest.split_at(end)).ok_or_else(|| self.error(expected))?;
        self.rest = &rest[1..];
        core::str::from_utf8(line).map_err(|_| self.error(expected))
    }

    pub(crate) fn exactly(&mut self, expected: &'static str) -> Result<(), ProofFormatError> {
        if self.next(expected)? == expected { Ok(()) } else { Err(self.error(expected)) }
    }

    /// A line `<name> <decimal>`.
    pub(crate) fn number(&mut self, prefix: &str, expected: &'static str) -> Result<u64, ProofFormatError> {
        let number = self.next(expected)?.strip_prefix(prefix).and_then(decimal);
        number.ok_or_else(|| self.error(expected))
    }

    /// Base64 lines of `N` bytes each, up to an empty line.
    pub(crate) fn arrays<const N: usize>(
        &mut self,
        most: usize,
        expected: &'static str,
    ) -> Result<Vec<[u8; N]>, ProofFormatError> {
        let mut arrays = Vec::new();
        loop {
            let line = self.next(expected)?;
            if line.is_empty() {
                return Ok(arrays);
            }
            let array = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
            let array = array.filter(|_| arrays.len() < most);
            arrays.push(array.ok_or_else(|| self.error(expected))?);
        }
    }

    pub(crate) fn hashes(&mut self, most: usize) -> Result<Vec<Hash32>, ProofFormatError> {
        let hashes = self.arrays(most, "a base64 SHA-256 hash, or an empty line behind the last")?;
        Ok(hashes.into_iter().map(Hash32).collect())
    }

    /// What no line has been taken of.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// That the line at hand is not as it should be.
    pub(crate) fn error(&self, expected: &'static str) -> ProofFormatError {
        ProofFormatError { line: self.number, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::LogKey,
        merkle::{inclusion_proof, tree_root},
    };
    use proptest::prelude::*;
    use std::{string::ToString, vec};

    fn entry(index: u64) -> Vec<u8> {
        format!("entry {index}").into_bytes()
    }

    fn key() -> LogKey {
        LogKey::new("log.example/pool/v1", &[7; 32])
    }

    fn proof(index: u64, size: u64) -> TlogProof {
        let leaves: Vec<Hash32> = (0..size).map(|index| leaf_hash(&entry(index))).collect();
        let head = Checkpoint { origin: key().origin().into(), size, root: tree_root(&leaves) };
        let hashes = inclusion_proof(index as usize, &leaves).unwrap();
        TlogProof { extra: Some(entry(index)), index, hashes, note: head.sign(&key()) }
    }

    fn verifies(bytes: &[u8]) -> bool {
        let Ok(proof) = TlogProof::parse(bytes) else { return false };
        let Ok(head) = Checkpoint::from_note(&proof.note, &key().vkey()) else { return false };
        proof.extra.as_ref().is_some_and(|entry| proof.verify(entry, &head).is_ok())
    }

    #[test]
    fn the_specification_s_example_parses() {
        let text = "c2sp.org/tlog-proof@v1\n\
            extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\n\
            index 73894\n\
            gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\
            B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\
            EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n\
            RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n\
            AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\
            \n\
            example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n\
            \u{2014} example.com/fancylog hI2DJw==\n";
        let proof = TlogProof::parse(text.as_bytes()).unwrap();
        assert!(proof.extra.as_ref().unwrap().starts_with(b"age-v1.2.1-darwin-arm64.tar.gz"));
        assert_eq!((proof.index, proof.hashes.len()), (73_894, 5));
        let checkpoint = core::str::from_utf8(&proof.note).unwrap().split("\n\n").next().unwrap().to_string() + "\n";
        assert_eq!(Checkpoint::parse(&checkpoint).unwrap().size, 109_482);
        assert_eq!(proof.to_bytes(), text.as_bytes());
    }

    #[test]
    fn a_proof_verifies_and_no_bit_of_it_can_change() {
        for (index, size) in [(0, 1), (0, 2), (5, 11), (10, 11)] {
            let bytes = proof(index, size).to_bytes();
            assert!(verifies(&bytes), "{index} of {size}");
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << bit;
                    assert!(!verifies(&changed), "{index} of {size}: byte {at}, bit {bit}");
                }
                assert!(!verifies(&bytes[..at]), "{index} of {size}: cut at {at}");
            }
        }
    }

    #[test]
    fn every_other_text_of_a_proof_is_refused_with_its_line() {
        let text = String::from_utf8(proof(5, 11).to_bytes()).unwrap();
        #[track_caller]
        fn check(text: &str, line: usize) {
            assert_eq!(TlogProof::parse(text.as_bytes()).map_err(|error| error.line), Err(line), "{text}");
        }
        check("", 1);
        check(&text.replacen('\n', "\r\n", 1), 1);
        check(&text.replace("@v1", "@v2"), 1);
        check(&text.replace("extra ", "Extra "), 2);
        check(&text.replace("extra ", "extra  "), 2);
        check("c2sp.org/tlog-proof@v1\nextra \nindex 5\n", 2);
        check(&text.replace("index 5", "index 05"), 3);
        check(&text.replace("index 5", "index +5"), 3);
        check(&text.replace("index 5", "index 18446744073709551616"), 3);
        check(&text.replace("index 5\n", "index 5\nAAAA\n"), 4);
        check(&text.replace("index 5\n", &format!("index 5\n{}", "A".repeat(43) + "\n")), 4);
        let hash = STANDARD.encode([1; 32]) + "\n";
        check(&text.replace("index 5\n", &format!("index 5\n{}", hash.repeat(HASHES_MAX + 1))), 4 + HASHES_MAX);
        check(text.split_inclusive("\n\n").next().unwrap(), 8);
    }

    #[test]
    fn the_longest_proof_fits_its_limit() {
        let longest = TlogProof {
            extra: Some(vec![7; ENTRY_MAX]),
            index: u64::MAX,
            hashes: vec![Hash32([7; 32]); HASHES_MAX],
            note: vec![b'x'; CHECKPOINT_MAX],
        };
        assert!(longest.to_bytes().len() <= TLOG_PROOF_MAX);
        assert_eq!(TlogProof::parse(&longest.to_bytes()), Ok(longest));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(proof) = TlogProof::parse(&bytes) {
                prop_assert_eq!(proof.to_bytes(), bytes);
            }
        }

        #[test]
        fn proofs_round_trip(
            extra in prop::option::of(prop::collection::vec(any::<u8>(), 1..100)),
            index: u64,
            hashes in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash32), 0..64),
            note in prop::collection::vec(any::<u8>(), 1..300),
        ) {
            let proof = TlogProof { extra, index, hashes, note };
            prop_assert_eq!(TlogProof::parse(&proof.to_bytes()), Ok(proof));
        }
    }
}
