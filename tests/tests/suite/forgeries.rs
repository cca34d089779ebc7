//! Forgeries by the operator, who has the log's key and re-signs: only the work itself gives them away.

use anyhow::Context;
use audit_core::allocation::{Allocation, AllocationEntry};
use audit_core::bundle::Files;
use audit_core::entry::{Entry, EpochClose};
use audit_core::epoch::{ChunkRow, epoch_path};
use audit_core::hash::Hash32;
use audit_core::merkle::{leaf_hash, tree_root};
use audit_core::share::ShareRecord;
use audit_core::work::{Units, Work};
use serde_json::json;
use tests::auditor::Verdict;
use tests::evidence::{Log, records};
use tests::forge::{forge, log_key};
use tests::server::Plan;
use tests::{bundle, figure};

use crate::chain::Settled;

/// A settled chain and what its operator needs for a forgery.
struct Forger {
    settled: Settled,
    files: Files,
    log: Log,
    /// The last sealed epoch that has shares.
    epoch: u64,
}

impl Forger {
    async fn new() -> anyhow::Result<Forger> {
        let mut settled = Settled::play(|folder| Plan::embedded(folder.path())).await?;
        settled.rig.stop().await?;
        settled.server.stop().await?;
        let files = bundle::read(&settled.folder.path().join("bundle"))?;
        let log = Log::of_bundle(&files)?;
        let has_shares =
            |epoch: &u64| files.get(&epoch_path(*epoch, "shares")).is_some_and(|shares| !shares.is_empty());
        let epoch = log.sealed().into_iter().rev().find(has_shares).context("no epoch has shares")?;
        Ok(Forger { settled, files, log, epoch })
    }

    /// Signs the log up to this epoch's close, with `changes`, and shows it to the auditor.
    fn show(&self, mut files: Files, changes: &[(u64, Entry)]) -> anyhow::Result<Verdict> {
        let key = log_key(&self.settled.server.data(), &self.log.checkpoint.origin)?;
        let size = self.log.closing(self.epoch)? + 1;
        forge(&mut files, &self.log, size, changes, &key)?;
        let folder = self.settled.folder.path().join("forged");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        bundle::write(&files, &folder)?;
        self.settled.audit("forged")?.run()
    }

    fn close(&self) -> anyhow::Result<(u64, EpochClose)> {
        let index = self.log.closing(self.epoch)?;
        match &self.log.entries[usize::try_from(index)?] {
            Entry::EpochClose(close) => Ok((index, close.clone())),
            _ => unreachable!("closing() finds an epoch_close"),
        }
    }
}

/// The `chunks` file over shares in this order. The rows' first hashes are the forger's to invent; zero keeps them low.
fn chunks(shares: &[ShareRecord], first: &[u8]) -> anyhow::Result<(Vec<u8>, Hash32, Work)> {
    let leaves: Vec<Hash32> = shares.iter().map(|record| leaf_hash(&record.to_bytes())).collect();
    let work = shares.iter().try_fold(Work::ZERO, |sum, share| sum.checked_add(share.level.work()));
    let work = work.context("the work is a u128")?;
    let root = tree_root(&leaves);
    let mut row = ChunkRow { root, first: Default::default(), work }.to_bytes();
    row[32..64].copy_from_slice(first);
    Ok((row.to_vec(), root, work))
}

#[tokio::test]
async fn a_share_of_another_epoch_is_refused_even_in_a_signed_log() -> anyhow::Result<()> {
    let forger = Forger::new().await?;
    let shares = |epoch: u64| records(&forger.files[&epoch_path(epoch, "shares")]);
    let before = shares(forger.epoch)?;
    let others = forger.log.sealed().into_iter().filter(|epoch| *epoch != forger.epoch);
    let stolen =
        others.map(shares).find_map(|shares| shares.ok()?.first().copied()).context("only one epoch has shares")?;

    // An honest log that ends here holds: what is refused below is the share, not the cut.
    forger.show(forger.files.clone(), &[])?.held().context("the honest log, cut off")?;

    let mut after = before.clone();
    after.push(ShareRecord { job: 0, session: 0, ..stolen });
    let old_chunks = &forger.files[&epoch_path(forger.epoch, "chunks")];
    let (chunks, root, work) = chunks(&after, &old_chunks[32..64])?;
    let (index, mut close) = forger.close()?;
    close.shares.count += 1;
    close.shares.work = work;
    close.shares.root = root;
    close.chunks = Hash32::of(&chunks);
    let mut files = forger.files.clone();
    files.insert(epoch_path(forger.epoch, "shares"), after.iter().flat_map(ShareRecord::to_bytes).collect());
    files.insert(epoch_path(forger.epoch, "chunks"), chunks);
    let verdict = forger.show(files, &[(index, Entry::EpochClose(close))])?;
    let by_work = verdict.failures().iter().any(|check| check.id == "share.work");
    figure::print("cross_epoch_share", json!({ "refused": by_work && verdict.refuses_with_place() }));
    assert!(by_work && verdict.refuses_with_place(), "{verdict:?}");
    Ok(())
}

#[tokio::test]
async fn an_allocation_changed_after_the_work_is_refused_even_in_a_signed_log() -> anyhow::Result<()> {
    let forger = Forger::new().await?;
    let index = forger.log.opening(forger.epoch)?;
    let Entry::EpochOpen(open) = &forger.log.entries[usize::try_from(index)?] else {
        unreachable!("opening() finds an epoch_open")
    };
    let honest = Allocation::from_bytes(&forger.files[&Allocation::path(&open.allocation.root)])?;
    let doubled = |entry: &AllocationEntry| AllocationEntry {
        units: Units::new(entry.units.get() * 2).expect("twice some units are some units"),
        ..*entry
    };
    let changed = Allocation::new(honest.entries().iter().map(doubled).collect())?;
    let mut files = forger.files.clone();
    files.insert(Allocation::path(&changed.root()), changed.to_bytes());
    let mut open = *open;
    open.allocation = changed.commitment();
    let verdict = forger.show(files, &[(index, Entry::EpochOpen(open))])?;
    let by_anchor = verdict.failures().iter().any(|check| check.id == "share.work" || check.id == "job.anchored");
    figure::print("changed_allocation", json!({ "refused": by_anchor && verdict.refuses_with_place() }));
    assert!(by_anchor && verdict.refuses_with_place(), "{verdict:?}");
    Ok(())
}
