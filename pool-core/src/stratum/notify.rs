//! What the pool says unasked: difficulty, jobs, texts for people, when to connect again; and what it asks.

use audit_core::{
    hash::{BlockHash, Hash32},
    job::Job,
    work::Level,
};
use serde_json::json;

use super::reply::line;
use crate::job_id::JobId;

/// A `mining.notify` line in both forms, ready to be written to any session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotifyLine {
    keep: Box<str>,
    clean: Box<str>,
}

impl NotifyLine {
    /// Serialises a job at one level.
    pub(crate) fn new(id: &JobId, job: &Job, anchor: &Hash32) -> Self {
        let suffix = [&job.coinbase.up_to_anchor[..], &anchor.0, &job.coinbase.after_anchor].concat();
        let branch: Vec<String> = job.branch.iter().map(Hash32::to_string).collect();
        let line = |clean_jobs: bool| {
            let params = json!([
                id.to_string(),
                swapped_words(&job.prevhash),
                hex::encode(&job.coinbase.before_extranonce),
                hex::encode(&suffix),
                branch,
                format!("{:08x}", job.version),
                job.nbits.to_string(),
                format!("{:08x}", job.ntime),
                clean_jobs,
            ]);
            notification("mining.notify", &params).into_boxed_str()
        };
        Self { keep: line(false), clean: line(true) }
    }

    /// The line, with its line feed. `clean_jobs` voids every earlier job: only for a new previous hash.
    pub(crate) fn line(&self, clean_jobs: bool) -> &str {
        if clean_jobs { &self.clean } else { &self.keep }
    }
}

/// `mining.set_difficulty` for the jobs that follow: the share difficulty 2ᵏ.
pub(crate) fn set_difficulty(level: Level) -> String {
    let exponent = level.get();
    let difficulty = match u32::try_from(exponent) {
        Ok(exponent) => json!(1u64 << exponent),
        // Powers of two down to 2⁻³² are exact in a double.
        Err(_) => json!(2f64.powi(i32::from(exponent))),
    };
    notification("mining.set_difficulty", &json!([difficulty]))
}

/// `client.show_message`: a text for whoever watches the rig.
pub(crate) fn show_message(text: &str) -> String {
    notification("client.show_message", &json!([text]))
}

/// `client.reconnect` without a place: the rig connects again to where it is connected.
pub(crate) fn reconnect() -> String {
    notification("client.reconnect", &json!([]))
}

/// The id of [`get_version`], by which its answer is known.
pub(crate) const VERSION_ID: u64 = 1;
const PING_ID: u64 = 2;

/// `client.get_version`: what the rig calls its software.
pub(crate) fn get_version() -> String {
    question(VERSION_ID, "client.get_version")
}

/// `mining.ping`: whether the rig is there. Whatever it sends is an answer.
pub(crate) fn ping() -> String {
    question(PING_ID, "mining.ping")
}

fn question(id: u64, method: &str) -> String {
    line(&json!({"id": id, "method": method, "params": []}))
}

fn notification(method: &str, params: &serde_json::Value) -> String {
    line(&json!({"id": null, "method": method, "params": params}))
}

/// Stratum sends the previous hash as eight 32-bit words, each byte-swapped.
fn swapped_words(hash: &BlockHash) -> String {
    let mut bytes = hash.0;
    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    hex::encode(bytes)
}

/// The inverse of the words that [`NotifyLine`] sends.
pub(crate) fn parse_swapped_words(text: &str) -> Option<BlockHash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    Some(BlockHash(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difficulty_is_a_power_of_two_with_fractions_below_one() {
        let line = |level| set_difficulty(Level::new(level).unwrap());
        assert_eq!(line(13), "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[8192]}\n");
        assert!(line(63).contains("[9223372036854775808]"));
        let easy: serde_json::Value = serde_json::from_str(&line(-14)).unwrap();
        assert_eq!(easy["params"][0].as_f64(), Some(1.0 / 16_384.0));
    }

    #[test]
    fn previous_hash_words_are_swapped_and_read_back() {
        let hash = BlockHash(std::array::from_fn(|index| index as u8));
        assert!(swapped_words(&hash).starts_with("0302010007060504"));
        assert_eq!(parse_swapped_words(&swapped_words(&hash)), Some(hash));
    }
}
