//! Judging a checkpoint's note by a policy.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use serde::Serialize;

use super::{Member, Policy, PolicyWitness};
use crate::{
    checkpoint::{Checkpoint, CheckpointError, KeyKind, SignedNote, Verified, Vkey},
    cosignature,
};

/// A note that was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// What the log says about itself.
    pub checkpoint: Checkpoint,
    /// The key that signed it; the first in the note, should several logs of the policy have.
    pub log: Vkey,
    /// The policy's witnesses that cosigned it, in the note's order, each once.
    pub cosigned: Vec<Cosigned>,
}

/// A cosignature that was verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cosigned {
    /// The witness's name in the policy.
    pub witness: String,
    /// When it says that it cosigned, POSIX seconds.
    pub time_s: u64,
    /// Which of the policy's witnesses.
    #[serde(skip)]
    index: usize,
}

impl Policy {
    /// Verifies a note: signed by one of the logs, cosigned by the quorum, and no signature of a known key false.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn judge(&self, note: &[u8]) -> Result<Judged, CheckpointError> {
        let judged = self.judge_log(note)?;
        if self.is_met(&judged, |_| true) {
            return Ok(judged);
        }
        Err(CheckpointError::Quorum { expected: self.quorum_text(), found: judged.witnesses() })
    }

    /// The same without the quorum: cosignatures are verified and listed, but none is needed.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn judge_log(&self, note: &[u8]) -> Result<Judged, CheckpointError> {
        let vkeys = |keys: &mut dyn Iterator<Item = &Vkey>| keys.cloned().collect::<Vec<Vkey>>();
        let logs = vkeys(&mut self.logs.iter().map(|log| &log.vkey));
        let witnesses = vkeys(&mut self.witnesses.iter().map(|witness| &witness.vkey));
        let note = SignedNote::parse(note)?;
        let unsigned = CheckpointError::Unsigned(note.origin().into());
        let (checkpoint, verified) = note.verify(&logs, &witnesses)?;
        let log = verified.iter().find(|signature| signature.key.kind() == KeyKind::Log).ok_or(unsigned)?.key.clone();
        let cosigned = verified.iter().filter_map(|signature| self.cosigned(signature)).collect();
        Ok(Judged { checkpoint, log, cosigned })
    }

    /// Whether the quorum is met by those cosignatures of the note whose time (POSIX seconds) `counts`.
    pub fn is_met(&self, judged: &Judged, counts: impl Fn(u64) -> bool) -> bool {
        let mut witnesses = vec![false; self.witnesses.len()];
        for cosigned in judged.cosigned.iter().filter(|cosigned| counts(cosigned.time_s)) {
            if let Some(witness) = witnesses.get_mut(cosigned.index) {
                *witness = true;
            }
        }
        self.is_quorum(&witnesses)
    }

    /// Whether the cosignatures of the witnesses with these names would meet the quorum.
    pub fn would_be_met_by(&self, names: &[&str]) -> bool {
        let has = |witness: &PolicyWitness| names.contains(&witness.name.as_str());
        self.is_quorum(&self.witnesses.iter().map(has).collect::<Vec<bool>>())
    }

    /// `witnesses` says of each witness whether it cosigned.
    fn is_quorum(&self, witnesses: &[bool]) -> bool {
        let Some(quorum) = self.quorum else { return true };
        let mut groups: Vec<bool> = Vec::new();
        let has = |groups: &[bool], member: &Member| match member {
            Member::Witness(index) => witnesses.get(*index) == Some(&true),
            Member::Group(index) => groups.get(*index) == Some(&true),
        };
        // Groups hold only groups before them, so one pass in order decides them all.
        for group in &self.groups {
            let met = group.members.iter().filter(|member| has(&groups, member)).count();
            groups.push(met >= group.threshold);
        }
        has(&groups, &quorum)
    }

    fn cosigned(&self, verified: &Verified<'_>) -> Option<Cosigned> {
        let index = self.witnesses.iter().position(|witness| witness.vkey == *verified.key)?;
        let (time_s, _) = cosignature::split(&verified.signature)?;
        Some(Cosigned { witness: self.witnesses.get(index)?.name.clone(), time_s, index })
    }
}

impl Judged {
    /// The witnesses that cosigned, in words.
    pub fn witnesses(&self) -> String {
        let names: Vec<&str> = self.cosigned.iter().map(|cosigned| cosigned.witness.as_str()).collect();
        if names.is_empty() { "no witness".to_string() } else { names.join(", ") }
    }
}
