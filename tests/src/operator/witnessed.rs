//! Witnesses of the in-memory operator's log, who may be away, late or false.

use audit_core::{
    bundle::Files,
    checkpoint::Checkpoint,
    cosignature::WitnessKey,
    entry::Entry,
    policy::{Policy, PolicyWitness},
};

use super::{EPOCH_MS, Operator, START_MS};

/// Grace of the script's manifest in seconds.
const GRACE_S: u64 = 3;

/// The log's witnesses.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// How many there are, named `w1`, `w2`…
    pub count: u8,
    /// How many must have cosigned.
    pub threshold: usize,
    /// When a witness cosigns, Unix seconds; `None`: it is away. Honest witnesses take the time that is offered.
    pub cosign: &'a dyn Fn(&Moment<'_>) -> Option<u64>,
}

/// A witness before a checkpoint.
pub struct Moment<'a> {
    /// From 1.
    pub witness: u8,
    /// Entries under the checkpoint.
    pub size: u64,
    /// The entry that a kept checkpoint is behind; `None` for the newest checkpoint.
    pub behind: Option<&'a Entry>,
    /// When it is.
    pub time_s: u64,
}

/// The key of a witness, from 1.
pub fn witness_key(number: u8) -> WitnessKey {
    WitnessKey::new(&format!("w{number}.test"), &[number + 200; 32])
}

impl Witnesses<'_> {
    /// The policy that asks for them.
    pub(super) fn policy(&self, operator: &Operator<'_>) -> Policy {
        let witness =
            |number| PolicyWitness { name: format!("w{number}"), vkey: witness_key(number).vkey(), url: None };
        let witnesses: Vec<PolicyWitness> = (1..=self.count).map(witness).collect();
        Policy::of_witnesses(operator.key.vkey(), &witnesses, self.threshold).expect("the tests' policies are sound")
    }

    /// Cosigns every published checkpoint and publishes the policy.
    pub(super) fn cosign_all(&self, operator: &Operator<'_>, files: &mut Files) {
        for (size, entry) in (1..).zip(&operator.entries) {
            if let Some(note) = files.get_mut(&format!("log/checkpoints/{size}")) {
                self.cosign_note(note, &operator.checkpoint(size), Some(entry), seen_s(entry));
            }
        }
        let newest = operator.checkpoint(operator.entries.len() as u64);
        let now_s = operator.entries.iter().map(seen_s).max().unwrap_or_default() + 1;
        if let Some(note) = files.get_mut("log/checkpoint") {
            self.cosign_note(note, &newest, None, now_s);
        }
        files.insert("log/policy".into(), self.policy(operator).to_string().into_bytes());
    }

    fn cosign_note(&self, note: &mut Vec<u8>, checkpoint: &Checkpoint, behind: Option<&Entry>, time_s: u64) {
        for witness in 1..=self.count {
            if let Some(time_s) = (self.cosign)(&Moment { witness, size: checkpoint.size, behind, time_s }) {
                note.extend(witness_key(witness).cosign(checkpoint.body().as_bytes(), time_s).bytes());
            }
        }
    }
}

/// When the script's clock shows an entry, Unix seconds; 0 for entries that have no time.
fn seen_s(entry: &Entry) -> u64 {
    match entry {
        Entry::EpochOpen(open) => open.start_ms / 1_000,
        Entry::EpochClose(close) => (START_MS + close.epoch * EPOCH_MS) / 1_000 + GRACE_S,
        _ => 0,
    }
}
