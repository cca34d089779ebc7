//! `watch`: follows a log. Every new head must continue the last one and every head that others were shown, and all that
//! the log claims must hold, as it comes.
//!
//! In scope: what was seen last, forks and rollbacks and their proofs, silence, exit codes. Out of scope: every rule
//! (`audit-core`).

mod contents;
mod gossip;
mod silence;
mod state;

use std::{path::Path, thread, time::Duration};

use anyhow::{Context, Result, bail};
use audit_core::{
    audit::FetchError,
    checkpoint::{CHECKPOINT_MAX, CheckpointError},
    fork::{FORK_PROOF_MAX, ForkProof, Relation, relate},
    policy::{Judged, POLICY_MAX, Policy},
};

use crate::{cli::WatchArgs, print, source::Source};
use contents::Contents;
use silence::Silence;
use state::State;

/// Everything that was looked at held.
const WELL: u8 = 0;
/// A check failed, or what is served is not to be believed.
const FAILED: u8 = 1;
/// The log showed two histories or an older one; the proof is kept.
const FORKED: u8 = 3;
/// No new head for longer than `--max-silence` allows.
const SILENT: u8 = 4;

/// What one look came to.
enum Look {
    /// Nothing wrong.
    Well,
    /// The log can't be reached or its files are not there: said, and looked at again.
    Away,
    /// The end, with an exit code; the reason was printed.
    Alarm(u8),
}

/// A head with the note that it is signed in.
struct Head {
    note: Vec<u8>,
    judged: Judged,
}

struct Watch<'a> {
    args: &'a WatchArgs,
    source: Source,
    policy: Policy,
    state: State,
    contents: Contents,
    silence: Silence,
}

/// Follows a log until something is wrong, or looks once; the exit code.
pub(crate) fn run(args: &WatchArgs) -> Result<u8> {
    if let Some(path) = &args.check_proof {
        return check_proof(path, args);
    }
    let (Some(url), Some(folder)) = (&args.url, &args.state) else { bail!("URL or --state is missing") };
    let source = Source::open(url)?;
    let state = State::open(folder)?;
    let policy = policy(args, &source, &state)?;
    let (contents, silence) = (Contents::new(&state)?, Silence::default());
    let mut watch = Watch { args, source, policy, state, contents, silence };
    loop {
        let look = watch.look()?;
        let code = match look {
            Look::Alarm(code) => return Ok(code),
            Look::Well => watch.silence(),
            Look::Away if args.once => bail!("{url} can't be watched now"),
            Look::Away => watch.silence(),
        };
        if code != WELL || args.once {
            return Ok(code);
        }
        thread::sleep(Duration::from_secs(args.interval));
    }
}

/// Whether a file proves, to anyone with this policy and offline, that the log forked.
fn check_proof(path: &Path, args: &WatchArgs) -> Result<u8> {
    let named = || path.display().to_string();
    let Some(policy) = &args.policy else { bail!("--check-proof needs --policy FILE: whose log is it?") };
    let policy = Policy::parse(std::fs::read(policy).with_context(|| policy.display().to_string())?)?;
    let bytes = std::fs::read(path).with_context(named)?;
    if bytes.len() > FORK_PROOF_MAX {
        bail!("{}: too long for a fork proof", named());
    }
    let proof = ForkProof::parse(&bytes).with_context(named)?;
    match proof.check(&policy) {
        Ok((first, second)) => {
            println!("PROVEN: {} signed two histories", first.log);
            println!("  {} entries with root {}", first.checkpoint.size, first.checkpoint.root);
            println!("  {} entries with root {}", second.checkpoint.size, second.checkpoint.root);
            Ok(WELL)
        }
        Err(error) => {
            println!("Not proven: {error}");
            Ok(FAILED)
        }
    }
}

/// The policy from `--policy`; else the one that was trusted at the first look, which the log itself suggested.
fn policy(args: &WatchArgs, source: &Source, state: &State) -> Result<Policy> {
    if let Some(path) = &args.policy {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        return Ok(Policy::parse(bytes)?);
    }
    if let Some(pinned) = state.policy()? {
        return Ok(pinned);
    }
    let suggested = source.read("log/policy", POLICY_MAX as u64).context("no --policy, and none in the evidence")?;
    let policy = Policy::parse(suggested)?;
    print::trusting(&policy);
    state.pin(&policy)?;
    Ok(policy)
}

impl Watch<'_> {
    /// Looks at the log's head, at what it continues, at all its contents, and at what others were shown.
    fn look(&mut self) -> Result<Look> {
        let head = match self.head() {
            Ok(Ok(head)) => head,
            Ok(Err(error)) => {
                println!("FAILED: log/checkpoint is not to be believed: {error}");
                return Ok(Look::Alarm(FAILED));
            }
            Err(error) => return Ok(away(&format!("log/checkpoint: {error}"))),
        };
        let last = self.last()?;
        if let Some(last) = &last {
            let look = self.compare(last, &head, "the head seen before")?;
            let is_older = head.judged.checkpoint.size < last.judged.checkpoint.size;
            match look {
                Look::Alarm(_) => return Ok(look),
                // Also when the tiles of the newer head are gone.
                _ if is_older => return self.rolled_back(last, &head),
                Look::Away => return Ok(look),
                Look::Well => {}
            }
        }
        let has_grown = last.is_none_or(|last| last.judged.checkpoint.size < head.judged.checkpoint.size);
        if has_grown {
            self.state.remember(&head.note)?;
        }
        if has_grown || self.contents.is_first() {
            match self.contents.check(&self.source, &self.policy, &head)? {
                Look::Well => {}
                other => return Ok(other),
            }
        }
        self.compare_gossip(&head)
    }

    fn head(&self) -> Result<Result<Head, CheckpointError>, FetchError> {
        let note = self.source.read("log/checkpoint", CHECKPOINT_MAX as u64)?;
        Ok(self.policy.judge(&note).map(|judged| Head { note, judged }))
    }

    fn last(&self) -> Result<Option<Head>> {
        let Some(note) = self.state.last()? else { return Ok(None) };
        let judged = self.policy.judge_log(&note).context("the head seen before is not of this policy's log")?;
        Ok(Some(Head { note, judged }))
    }

    /// Heads that others were shown must be of the same history.
    fn compare_gossip(&self, head: &Head) -> Result<Look> {
        for place in &self.args.gossip {
            let note = match gossip::read(place) {
                Ok(note) => note,
                Err(error) => {
                    eprintln!("gossip {place}: {error:#}");
                    continue;
                }
            };
            let Ok(judged) = self.policy.judge_log(&note) else {
                // Anyone can write nonsense there; only what the log signed says something about the log.
                eprintln!("gossip {place}: no checkpoint that the log signed");
                continue;
            };
            let told = Head { note, judged };
            if told.judged.checkpoint.size > head.judged.checkpoint.size {
                let size = told.judged.checkpoint.size;
                println!("gossip {place}: others were shown {size} entries, here the log shows fewer");
            }
            let look = self.compare(&told, head, place)?;
            if !matches!(look, Look::Well | Look::Away) {
                return Ok(look);
            }
        }
        Ok(Look::Well)
    }

    /// Holds two heads against each other, whichever is larger.
    fn compare(&self, one: &Head, other: &Head, what: &str) -> Result<Look> {
        let (smaller, larger) =
            if one.judged.checkpoint.size <= other.judged.checkpoint.size { (one, other) } else { (other, one) };
        let (old, new) = (&smaller.judged.checkpoint, &larger.judged.checkpoint);
        if old.origin != new.origin {
            println!("FAILED: {what} is of the log {}, this one is {}", one.judged.log, other.judged.log);
            return Ok(Look::Alarm(FAILED));
        }
        match relate(&self.source, old, new) {
            Ok(Relation::Consistent) => Ok(Look::Well),
            Ok(Relation::Fork(past)) => {
                let proof = ForkProof { first: smaller.note.clone(), second: larger.note.clone(), past };
                proof.check(&self.policy).context("a fork was found, but its proof does not hold")?;
                let path = self.state.keep("fork", old.size, new.size, &proof)?;
                println!("FORK: {what} ({} entries) and {} entries contradict each other", old.size, new.size);
                println!("The proof is {}; anyone can check it with --check-proof", path.display());
                Ok(Look::Alarm(FORKED))
            }
            Ok(Relation::Unproven) => {
                let proof = ForkProof { first: smaller.note.clone(), second: larger.note.clone(), past: None };
                let path = self.state.keep("unproven", old.size, new.size, &proof)?;
                println!("FAILED: the served tiles are not of the signed tree; the two notes are {}", path.display());
                Ok(Look::Alarm(FAILED))
            }
            Err(error) => Ok(away(&format!("{what}: {error}"))),
        }
    }

    /// The log shows an older head than before. That may be a cache's fault, so it is no proof of fraud, but nobody who
    /// sees it can rely on the log.
    fn rolled_back(&self, last: &Head, head: &Head) -> Result<Look> {
        let (new, old) = (last.judged.checkpoint.size, head.judged.checkpoint.size);
        let notes = ForkProof { first: head.note.clone(), second: last.note.clone(), past: None };
        let path = self.state.keep("rollback", old, new, &notes)?;
        println!("ROLLBACK: the log showed {new} entries before and now {old}; both notes are {}", path.display());
        Ok(Look::Alarm(FORKED))
    }

    /// Reports silence; the exit code for it.
    fn silence(&mut self) -> u8 {
        let (Some(silent), Some(epoch)) = (self.state.since_growth(), self.contents.epoch()) else { return WELL };
        self.silence.tell(silent, epoch, self.args.silence);
        let limit = self.args.max_silence.map(|epochs| epoch.saturating_mul(epochs));
        if limit.is_some_and(|limit| silent > limit) { SILENT } else { WELL }
    }
}

fn away(reason: &str) -> Look {
    eprintln!("{reason}");
    Look::Away
}
