//! What a witness is asked and when it may cosign (c2sp.org/tlog-witness, `add-checkpoint`): a pure decision.
//!
//! In scope: the request's bytes, the rules, the status code that answers for each. Out of scope: HTTP, the clock and
//! what makes a witness trustworthy: that check and persisting are one step (`auditor`).

use alloc::{format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::{
    checkpoint::{CHECKPOINT_MAX, Checkpoint, CheckpointError, SignedNote, Vkey},
    hash::Hash32,
    merkle::{empty_root, verify_consistency},
    text::decimal,
    vkey::signature_line,
};

/// Consistency proof lines of a request at most; a tree of 2⁶³ entries needs no more.
pub const PROOF_MAX: usize = 63;
/// Longest request in bytes: a line of old size, 63 hashes in base64, an empty line and a note.
pub const REQUEST_MAX: usize = 25 + PROOF_MAX * 45 + 1 + CHECKPOINT_MAX;
/// Content type of the size that answers a stale request.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// `add-checkpoint`: cosign this note, which extends the tree of `old_size`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// Size that the witness cosigned last.
    pub old_size: u64,
    /// RFC 6962 consistency proof from there; empty from size 0 and from the same size.
    pub proof: Vec<Hash32>,
    /// The checkpoint's note.
    pub note: Vec<u8>,
}

/// What a witness may cosign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The checkpoint, which takes the place of the latest.
    pub checkpoint: Checkpoint,
    /// The text that is cosigned.
    pub text: Vec<u8>,
    /// The note with the signatures of the followed log and no others.
    pub note: Vec<u8>,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request is no request.
    #[error("line {0} of the request is malformed")]
    Request(usize),
    /// The note is no checkpoint.
    #[error("{0}")]
    Checkpoint(CheckpointError),
    /// Not a log that this witness follows.
    #[error("this witness does not follow the log {0}")]
    UnknownLog(String),
    /// No signature of the log's keys, or a false one.
    #[error("{0}")]
    Unsigned(CheckpointError),
    /// The old size is above the checkpoint's.
    #[error("the old size {old} is above the checkpoint's {new}")]
    OldAboveNew {
        /// From the request.
        old: u64,
        /// From the note.
        new: u64,
    },
    /// The old size is not that of the latest cosigned checkpoint, which is this.
    #[error("the latest cosigned checkpoint has the size {0}")]
    Stale(u64),
    /// The checkpoint does not extend the latest: a wrong proof or a fork.
    #[error("not consistent with the latest cosigned checkpoint, of size {0}")]
    Inconsistent(u64),
}

impl AddCheckpoint {
    /// The request's body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash.0));
            text.push('\n');
        }
        text.push('\n');
        [text.as_bytes(), &self.note].concat()
    }

    /// Parses a request's body; the note in it is not looked at.
    ///
    /// # Errors
    /// [`Refusal::Request`] with the line, from 1.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let lines = body.windows(2).position(|pair| pair == b"\n\n").ok_or(Refusal::Request(1))?;
        let (head, note) = (&body[..lines], &body[lines + 2..]);
        let head = core::str::from_utf8(head).map_err(|_| Refusal::Request(1))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?)).ok_or(Refusal::Request(1))?;
        let mut proof = Vec::new();
        for (number, line) in (2..).zip(lines) {
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            let (Some(hash), true) = (hash, proof.len() < PROOF_MAX) else { return Err(Refusal::Request(number)) };
            proof.push(Hash32(hash));
        }
        Ok(Self { old_size, proof, note: note.to_vec() })
    }

    /// Decides whether a witness that follows `logs` may cosign; `latest` tells what it cosigned last of an origin. The
    /// checks are in the order of the specification, so that each answer has the status that it names.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn judge(&self, logs: &[Vkey], latest: impl FnOnce(&str) -> Option<Checkpoint>) -> Result<Accepted, Refusal> {
        let note = SignedNote::parse(&self.note).map_err(Refusal::Checkpoint)?;
        let text = note.text().to_vec();
        let (new, verified) = note.verify(logs, &[]).map_err(|error| match error {
            CheckpointError::Origin { found, .. } => Refusal::UnknownLog(found),
            error => Refusal::Unsigned(error),
        })?;
        if self.old_size > new.size {
            return Err(Refusal::OldAboveNew { old: self.old_size, new: new.size });
        }
        let (latest_size, latest_root) =
            latest(&new.origin).map_or((0, empty_root()), |checkpoint| (checkpoint.size, checkpoint.root));
        if self.old_size != latest_size {
            return Err(Refusal::Stale(latest_size));
        }
        let is_consistent = (new.size > 0 || new.root == empty_root())
            && verify_consistency(latest_size, new.size, &self.proof, &latest_root, &new.root).is_ok();
        if !is_consistent {
            return Err(Refusal::Inconsistent(latest_size));
        }
        let lines: String =
            verified.iter().map(|signature| signature_line(signature.key, &signature.signature)).collect();
        let note = [&text[..], b"\n", lines.as_bytes()].concat();
        Ok(Accepted { checkpoint: new, text, note })
    }
}

impl Refusal {
    /// The HTTP status that tells it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(_) | Self::Checkpoint(_) | Self::OldAboveNew { .. } => 400,
            Self::Unsigned(_) => 403,
            Self::UnknownLog(_) => 404,
            Self::Stale(_) => 409,
            Self::Inconsistent(_) => 422,
        }
    }

    /// The body of the answer: for a stale request the latest size and nothing else, else a sentence.
    pub fn body(&self) -> String {
        match self {
            Self::Stale(size) => format!("{size}\n"),
            other => format!("{other}\n"),
        }
    }
}

/// Where a witness shows the latest checkpoint that it cosigned of a log, below its monitoring prefix.
pub fn monitoring_path(origin: &str) -> String {
    format!("{}/checkpoint", Hash32::of(origin.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::LogKey,
        merkle::{consistency_proof, leaf_hash, tree_root},
    };

    /// The request of c2sp.org/tlog-witness; its keys are not printed there.
    const EXAMPLE: &str = "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n\
        example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

    fn log() -> LogKey {
        LogKey::new("log.example", &[7; 32])
    }

    fn leaves(count: u8) -> Vec<Hash32> {
        (0..count).map(|number| leaf_hash(&[number])).collect()
    }

    fn checkpoint(size: u8) -> Checkpoint {
        Checkpoint { origin: "log.example".into(), size: size.into(), root: tree_root(&leaves(size)) }
    }

    fn request(old: u8, new: u8) -> AddCheckpoint {
        let proof = if old <= new { consistency_proof(old.into(), &leaves(new)).unwrap() } else { Vec::new() };
        AddCheckpoint { old_size: old.into(), proof, note: checkpoint(new).sign(&log()) }
    }

    fn judge(request: &AddCheckpoint, latest: Option<Checkpoint>) -> Result<Checkpoint, Refusal> {
        request.judge(&[log().vkey()], |_| latest).map(|accepted| accepted.checkpoint)
    }

    #[test]
    fn the_published_request_parses_and_is_written_byte_for_byte() {
        let request = AddCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
        assert_eq!(request.to_bytes(), EXAMPLE.as_bytes());
        let note = SignedNote::parse(&request.note).unwrap();
        assert_eq!(note.origin(), "example.com/behind-the-sofa");
        assert_eq!(judge(&request, None), Err(Refusal::UnknownLog("example.com/behind-the-sofa".into())));
    }

    #[test]
    fn malformed_requests_are_refused_with_their_line() {
        #[track_caller]
        fn check(body: &str, line: usize) {
            assert_eq!(AddCheckpoint::parse(body.as_bytes()), Err(Refusal::Request(line)), "{body:?}");
        }
        let hash = STANDARD.encode([1; 32]);
        check("", 1);
        check("old 1\n", 1);
        check("\n\nnote", 1);
        check("old 01\n\nnote", 1);
        check("old -1\n\nnote", 1);
        check("OLD 1\n\nnote", 1);
        check("old  1\n\nnote", 1);
        check("old 1\nAAAA\n\nnote", 2);
        check(&format!("old 1\n{hash}\n {hash}\n\nnote"), 3);
        let lines = |count: usize| format!("old 1\n{}\nnote", format!("{hash}\n").repeat(count));
        assert_eq!(AddCheckpoint::parse(lines(63).as_bytes()).unwrap().proof.len(), 63);
        check(&lines(64), 65);
    }

    #[test]
    fn consistent_growth_is_accepted_from_every_size_to_every_size() {
        for old in 0..20 {
            for new in old..20 {
                let latest = (old > 0).then(|| checkpoint(old));
                assert_eq!(judge(&request(old, new), latest), Ok(checkpoint(new)), "{old} to {new}");
            }
        }
    }

    #[test]
    fn each_refusal_has_its_status() {
        #[track_caller]
        fn check(request: &AddCheckpoint, latest: Option<Checkpoint>, status: u16) {
            assert_eq!(judge(request, latest).map_err(|refusal| refusal.status()), Err(status));
        }
        check(&AddCheckpoint { note: b"no note".into(), ..request(0, 3) }, None, 400);
        check(&AddCheckpoint { old_size: 4, ..request(0, 3) }, None, 400);
        let other = LogKey::new("log.example", &[8; 32]);
        check(&AddCheckpoint { note: checkpoint(3).sign(&other), ..request(0, 3) }, None, 403);
        check(&request(2, 3), None, 409);
        check(&request(0, 3), Some(checkpoint(2)), 409);
        assert_eq!(judge(&request(0, 3), Some(checkpoint(2))).unwrap_err().body(), "2\n");
        check(&AddCheckpoint { proof: Vec::new(), ..request(2, 3) }, Some(checkpoint(2)), 422);
        check(&AddCheckpoint { proof: leaves(1), ..request(0, 3) }, None, 422);
        let forked = Checkpoint { root: Hash32([1; 32]), ..checkpoint(3) };
        check(&AddCheckpoint { note: forked.sign(&log()), ..request(2, 3) }, Some(checkpoint(2)), 422);
        check(&AddCheckpoint { note: forked.sign(&log()), ..request(3, 3) }, Some(checkpoint(3)), 422);
        let empty = Checkpoint { root: Hash32([1; 32]), ..checkpoint(0) };
        check(&AddCheckpoint { note: empty.sign(&log()), ..request(0, 0) }, None, 422);
    }

    #[test]
    fn the_monitoring_path_is_the_hash_of_the_origin() {
        let path = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/checkpoint";
        assert_eq!(monitoring_path("abc"), path);
    }
}
