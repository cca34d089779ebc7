//! The whole audit under one head. What was recomputed before is not recomputed: only new epochs cost time.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;
use audit_core::{
    audit::{AuditRequest, Evidence, FetchError},
    entry::Entry,
    policy::Policy,
    tile::{TILE_WIDTH, split_bundle},
};

use super::{FAILED, Head, Look, State};
use crate::{
    print,
    source::Source,
    verify::{Cache, audited},
};

/// An audit that fails is repeated, so that a network's moment of weakness is no alarm.
const ATTEMPTS: u32 = 3;
const REST: Duration = Duration::from_secs(3);

/// What is known of the log's contents.
pub(super) struct Contents {
    /// What was recomputed, by task; any file that this version did not write is begun anew.
    counted: Cache,
    epoch: Option<Duration>,
    is_first: bool,
}

/// The evidence under one head, whatever the log's head is by now. Notes the manifests that pass by.
struct UnderHead<'a> {
    source: &'a Source,
    note: &'a [u8],
    epoch_ms: Mutex<Option<u64>>,
}

impl Contents {
    pub(super) fn new(state: &State) -> Result<Self> {
        let path = state.path("counted");
        let counted = Cache::open(&path).or_else(|_| {
            fs::remove_file(&path)?;
            Cache::open(&path)
        })?;
        Ok(Self { counted, epoch: None, is_first: true })
    }

    /// Whether nothing was checked by this process yet.
    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// The newest manifest's epoch length.
    pub(super) fn epoch(&self) -> Option<Duration> {
        self.epoch
    }

    /// Audits everything under the head.
    pub(super) fn check(&mut self, source: &Source, policy: &Policy, head: &Head) -> Result<Look> {
        let evidence = UnderHead { source, note: &head.note, epoch_ms: Mutex::default() };
        let request = AuditRequest::new(policy.clone());
        let mut report = audited(&evidence, &self.counted, &request);
        for _ in 1..ATTEMPTS {
            if report.held {
                break;
            }
            thread::sleep(REST);
            report = audited(&evidence, &self.counted, &request);
        }
        let epoch_ms = *evidence.epoch_ms.lock().unwrap_or_else(PoisonError::into_inner);
        self.epoch = epoch_ms.map(Duration::from_millis).or(self.epoch);
        if !report.held {
            print!("{}", print::table(&report));
            return Ok(Look::Alarm(FAILED));
        }
        self.is_first = false;
        let totals = &report.totals;
        println!(
            "{} entries, root {}: continues what was seen, and everything checked holds ({} epochs, {} shares)",
            report.tree_size, report.root, totals.epochs, totals.shares
        );
        Ok(Look::Well)
    }
}

impl Evidence for UnderHead<'_> {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        if path == "log/checkpoint" {
            return Ok(self.note.to_vec());
        }
        let bytes = self.source.read(path, limit)?;
        if let Some(bundle) = path.strip_prefix("log/tile/entries/") {
            self.notice(bundle, &bytes);
        }
        Ok(bytes)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        self.source.read_range(path, start, length)
    }
}

impl UnderHead<'_> {
    /// Entry bundles come in order, so the last manifest that passes is the newest.
    fn notice(&self, bundle: &str, bytes: &[u8]) {
        let width = bundle.split_once(".p/").and_then(|(_, width)| width.parse().ok()).unwrap_or(TILE_WIDTH);
        let newest = split_bundle(bytes, width).ok().and_then(|entries| {
            entries.iter().rev().find_map(|entry| match Entry::from_bytes(entry) {
                Ok(Entry::Manifest(manifest)) => Some(manifest.epoch_ms),
                _ => None,
            })
        });
        if let Some(epoch_ms) = newest {
            *self.epoch_ms.lock().unwrap_or_else(PoisonError::into_inner) = Some(epoch_ms);
        }
    }
}
