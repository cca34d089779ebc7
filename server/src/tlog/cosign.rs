//! Asks witnesses to cosign checkpoints (c2sp.org/tlog-witness), all at once, and waits for none longer than it must.
//!
//! In scope: whom to ask, how long, what counts, who is away. Out of scope: what a missing quorum means for publication
//! (`publish`), the rules of a witness (`audit_core::witness`).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use audit_core::checkpoint::{Checkpoint, CheckpointError, Vkey};
use audit_core::policy::{Policy, PolicyWitness};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use thiserror::Error;
use tokio::time::Instant;

use crate::evidence::EvidenceStore;
use ask::AskError;

mod ask;
#[cfg(test)]
pub(crate) mod fake;

/// Once the quorum is there, how long the other witnesses are waited for, so that those who answer in time are in too.
const STRAGGLERS: Duration = Duration::from_millis(250);
/// First and longest time for which a witness that failed is not asked again.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What an operator says of witnesses; the log's own key is known later.
#[derive(Clone, Debug)]
pub struct WitnessSettings {
    /// The whole policy, from a file.
    pub policy: Option<Policy>,
    /// Witnesses one by one; more than half of them must cosign.
    pub witnesses: Vec<PolicyWitness>,
    /// How long a checkpoint waits for its quorum.
    pub timeout: Duration,
}

/// Why witnesses can't be asked.
#[derive(Debug, Error)]
pub enum CosignerError {
    /// The policy is for another log.
    #[error("--policy does not list this log. Add the line:\nlog {0}")]
    OtherLog(Box<Vkey>),
    /// Names or keys come twice.
    #[error("--witness: {0}")]
    Witnesses(audit_core::policy::PolicyError),
    /// Witnesses without URL can't be asked, and without them there is no quorum.
    #[error("the quorum ({0}) can't be reached with the witnesses that have a URL")]
    Unreachable(String),
    /// No HTTP.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The log's witnesses. Shared by reference: each witness has a lock of its own.
pub struct Cosigner {
    policy: Policy,
    timeout: Duration,
    client: reqwest::Client,
    witnesses: Vec<Witness>,
}

/// One that can be asked.
struct Witness {
    name: String,
    vkey: Vkey,
    url: String,
    /// Locked for short, never across an await.
    memory: Mutex<Memory>,
}

#[derive(Clone, Default)]
struct Memory {
    /// Size that the witness cosigned last, as far as this server knows.
    size: u64,
    /// When it last cosigned, Unix seconds.
    cosigned_s: Option<u64>,
    failures: u32,
    /// Not asked before.
    away_until: Option<Instant>,
    error: Option<String>,
}

/// A witness as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name in the policy.
    pub name: String,
    /// Size that it cosigned last; 0 when it has not yet.
    pub size: u64,
    /// When it last cosigned, Unix seconds.
    pub cosigned_s: Option<u64>,
    /// Why it did not cosign when it was last asked; `None` when it did.
    pub error: Option<String>,
}

/// A witness's answer to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cosignature {
    /// Which witness, in the policy's order.
    index: usize,
    line: String,
    /// What the witness's clock said, Unix seconds.
    pub(super) time_s: u64,
}

impl WitnessSettings {
    /// The policy of the log with this key: the one from the file, or one that asks for more than half of the witnesses,
    /// so that two disjoint sets of them can't cosign two histories.
    ///
    /// # Errors
    /// See [`CosignerError`].
    pub fn policy_of(&self, vkey: &Vkey) -> Result<Policy, CosignerError> {
        match &self.policy {
            Some(policy) if policy.logs().iter().any(|log| log.vkey == *vkey) => Ok(policy.clone()),
            Some(_) => Err(CosignerError::OtherLog(Box::new(vkey.clone()))),
            None => Policy::of_witnesses(vkey.clone(), &self.witnesses, self.witnesses.len() / 2 + 1)
                .map_err(CosignerError::Witnesses),
        }
    }
}

impl Cosigner {
    /// The witnesses of a policy that have a URL.
    ///
    /// # Errors
    /// [`CosignerError::Unreachable`] when they can't make the quorum.
    pub fn new(policy: Policy, timeout: Duration) -> Result<Self, CosignerError> {
        // A witness that redirects is another witness.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let asked = policy.witnesses().iter().filter_map(|witness| {
            let url = witness.url.as_ref()?.trim_end_matches('/').to_owned();
            let (name, vkey) = (witness.name.clone(), witness.vkey.clone());
            Some(Witness { name, vkey, url, memory: Mutex::default() })
        });
        let cosigner = Self { client, timeout, witnesses: asked.collect(), policy };
        let names: Vec<&str> = cosigner.witnesses.iter().map(|witness| witness.name.as_str()).collect();
        if cosigner.policy.would_be_met_by(&names) {
            Ok(cosigner)
        } else {
            Err(CosignerError::Unreachable(cosigner.policy.quorum_text()))
        }
    }

    /// What readers are told to ask for.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Each witness as it is now.
    pub fn status(&self) -> Vec<WitnessStatus> {
        let status = |witness: &Witness| {
            let Memory { size, cosigned_s, error, .. } = witness.memory();
            WitnessStatus { name: witness.name.clone(), size, cosigned_s, error }
        };
        self.witnesses.iter().map(status).collect()
    }

    /// Asks every witness that is not away to cosign the checkpoint that `note` signs; gives what came before the quorum
    /// was there and shortly after, or all that came in time.
    pub(super) async fn collect(&self, store: &EvidenceStore, checkpoint: &Checkpoint, note: &str) -> Vec<Cosignature> {
        let mut asked: FuturesUnordered<_> = (0..)
            .zip(&self.witnesses)
            .filter(|(_, witness)| !witness.is_away())
            .map(|(index, witness)| async move {
                (index, witness, witness.ask(&self.client, store, checkpoint, note).await)
            })
            .collect();
        let mut cosignatures = Vec::new();
        let patience = tokio::time::sleep(self.timeout);
        tokio::pin!(patience);
        let mut waits_for_stragglers = false;
        loop {
            if !waits_for_stragglers && self.is_met(note, &cosignatures) {
                waits_for_stragglers = true;
                let until = patience.deadline().min(Instant::now() + STRAGGLERS);
                patience.as_mut().reset(until);
            }
            tokio::select! {
                () = &mut patience => break,
                answer = asked.next() => {
                    let Some((index, witness, answer)) = answer else { break };
                    if let Some((line, time_s)) = witness.took(checkpoint.size, answer) {
                        cosignatures.push(Cosignature { index, line, time_s });
                    }
                }
            }
        }
        if !waits_for_stragglers {
            let answered: Vec<usize> = cosignatures.iter().map(|cosignature| cosignature.index).collect();
            let silent = (0..).zip(&self.witnesses).filter(|(index, _)| !answered.contains(index));
            silent.for_each(|(_, witness)| witness.is_silent(self.timeout));
        }
        cosignatures.sort_by_key(|cosignature| cosignature.index);
        cosignatures
    }

    /// Whether note and cosignatures meet the quorum.
    pub(super) fn is_met(&self, note: &str, cosignatures: &[Cosignature]) -> bool {
        self.judge(with_lines(note, cosignatures).as_bytes()).is_ok()
    }

    /// Whether a published note meets the quorum.
    pub(super) fn judge(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        self.policy.judge(note).map(|judged| judged.checkpoint)
    }
}

impl Witness {
    fn memory(&self) -> Memory {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Memory)) {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn is_away(&self) -> bool {
        self.memory().away_until.is_some_and(|until| Instant::now() < until)
    }

    /// Remembers an answer; gives the cosignature in it.
    fn took(&self, size: u64, answer: Result<(String, u64), AskError>) -> Option<(String, u64)> {
        match answer {
            Ok((line, time_s)) => {
                self.change(|memory| *memory = Memory { size, cosigned_s: Some(time_s), ..Memory::default() });
                Some((line, time_s))
            }
            Err(error) => {
                self.failed(error.to_string());
                None
            }
        }
    }

    /// It was asked, did not answer in time, and there was no quorum without it.
    fn is_silent(&self, timeout: Duration) {
        if !self.is_away() {
            self.failed(format!("no answer within {} ms", timeout.as_millis()));
        }
    }

    fn failed(&self, error: String) {
        let witness = &self.name;
        self.change(|memory| {
            if memory.error.as_ref() != Some(&error) {
                tracing::warn!(witness, error, "a witness does not cosign");
            }
            let rest = AWAY.0.saturating_mul(1 << memory.failures.min(6)).min(AWAY.1);
            memory.failures = memory.failures.saturating_add(1);
            memory.away_until = Some(Instant::now() + rest);
            memory.error = Some(error);
        });
    }
}

/// The note with the cosignatures behind it.
pub(super) fn with_lines(note: &str, cosignatures: &[Cosignature]) -> String {
    let lines = cosignatures.iter().map(|cosignature| cosignature.line.as_str());
    [note].into_iter().chain(lines).collect()
}
