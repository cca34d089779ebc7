//! One witness, over HTTP.

use audit_core::checkpoint::{CHECKPOINT_MAX, Checkpoint, Vkey};
use audit_core::cosignature::of_witness;
use audit_core::tile_tree::{TreeError, consistency_proof};
use audit_core::witness::{AddCheckpoint, monitoring_path};
use reqwest::{Client, Response, StatusCode};
use thiserror::Error;

use super::{Cosigner, Witness};
use crate::evidence::{EvidenceError, EvidenceStore};

/// A witness tells its size, then the proof from there is right; a third round means that it does not know itself.
const ROUNDS: u32 = 3;
/// Longest answer that is read, in bytes: some signature lines.
const ANSWER_MAX: usize = 16_384;
/// Longest part of a refusal's text that is reported, in characters.
const REASON_MAX: usize = 200;

/// Why a witness gave no cosignature.
#[derive(Debug, Error)]
pub(super) enum AskError {
    /// No answer.
    #[error("can't be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// It said no.
    #[error("refuses with status {0}: {1}")]
    Refused(StatusCode, String),
    /// It has cosigned more than this server has signed: another server signs with the same key, or the witness errs.
    #[error("has cosigned {0} entries, more than the {1} it is asked for")]
    Ahead(u64, u64),
    /// Its sizes contradict each other.
    #[error("says size {0} whatever it is asked")]
    Confused(u64),
    /// Nothing that verifies.
    #[error("answered without a valid cosignature")]
    Invalid,
    /// Longer than an answer can be.
    #[error("answered with more than {ANSWER_MAX} bytes")]
    TooLong,
    /// This server's own tiles.
    #[error("no consistency proof: {0}")]
    Proof(#[from] TreeError<EvidenceError>),
    /// A task of this process was aborted.
    #[error("{0}")]
    Aborted(#[from] tokio::task::JoinError),
}

impl Witness {
    /// Asks for a cosignature: the signature line with its end, and its time in seconds. A size that the witness tells is
    /// remembered, so that the next question is right at once.
    pub(super) async fn ask(
        &self,
        client: &Client,
        store: &EvidenceStore,
        checkpoint: &Checkpoint,
        note: &str,
    ) -> Result<(String, u64), AskError> {
        let size = checkpoint.size;
        let text = checkpoint.body();
        let mut old_size = self.memory().size.min(size);
        for _ in 0..ROUNDS {
            let proof = prove(store, old_size, size).await?;
            let request = AddCheckpoint { old_size, proof, note: note.as_bytes().to_vec() };
            let response = client.post(format!("{}/add-checkpoint", self.url)).body(request.to_bytes()).send().await?;
            let status = response.status();
            let answer = String::from_utf8_lossy(&read(response, ANSWER_MAX).await?).into_owned();
            match status {
                StatusCode::OK => return of_witness(&answer, &self.vkey, text.as_bytes()).ok_or(AskError::Invalid),
                StatusCode::CONFLICT => {
                    let told: Option<u64> = answer.trim_end().parse().ok();
                    let told = told.ok_or_else(|| AskError::Refused(status, reason(&answer)))?;
                    if told == old_size {
                        return Err(AskError::Confused(told));
                    }
                    self.change(|memory| memory.size = told);
                    if told > size {
                        return Err(AskError::Ahead(told, size));
                    }
                    old_size = told;
                }
                _ => return Err(AskError::Refused(status, reason(&answer))),
            }
        }
        Err(AskError::Confused(old_size))
    }

    /// The checkpoint that the witness cosigned last of the log `vkey`; `None` when it knows none that the log signed.
    async fn latest(&self, client: &Client, vkey: &Vkey) -> Result<Option<Checkpoint>, AskError> {
        let url = format!("{}/{}", self.url, monitoring_path(vkey.name()));
        let response = client.get(url).send().await?;
        match response.status() {
            StatusCode::OK => {
                let note = read(response, CHECKPOINT_MAX).await?;
                Ok(Checkpoint::from_note(&note, vkey).ok())
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => {
                Err(AskError::Refused(status, reason(&String::from_utf8_lossy(&read(response, ANSWER_MAX).await?))))
            }
        }
    }
}

impl Cosigner {
    /// What each witness knows of the log `vkey`, by its name. One that does not answer is a warning: it is asked again
    /// with each checkpoint, and refuses what it must.
    pub(in crate::tlog) async fn latest_known(&self, vkey: &Vkey) -> Vec<(String, Checkpoint)> {
        let ask = async |witness: &Witness| {
            let name = witness.name.clone();
            match tokio::time::timeout(self.timeout, witness.latest(&self.client, vkey)).await {
                Ok(Ok(latest)) => latest.map(|checkpoint| (name, checkpoint)),
                Ok(Err(error)) => {
                    tracing::warn!(witness = name, "a witness can't be asked what it knows: {error}");
                    None
                }
                Err(_) => {
                    tracing::warn!(witness = name, "a witness does not answer what it knows");
                    None
                }
            }
        };
        let known = futures_util::future::join_all(self.witnesses.iter().map(ask)).await;
        known.into_iter().flatten().collect()
    }
}

/// Reads tiles: off the async threads.
async fn prove(store: &EvidenceStore, old_size: u64, size: u64) -> Result<Vec<audit_core::hash::Hash32>, AskError> {
    if old_size == 0 || old_size == size {
        return Ok(Vec::new());
    }
    let store = store.clone();
    Ok(tokio::task::spawn_blocking(move || consistency_proof(&store, old_size, size)).await??)
}

async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, AskError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limit {
            return Err(AskError::TooLong);
        }
    }
    Ok(bytes)
}

/// The first line of a refusal, without what a terminal could be misled by.
fn reason(answer: &str) -> String {
    let line = answer.lines().next().unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).take(REASON_MAX).collect()
}
