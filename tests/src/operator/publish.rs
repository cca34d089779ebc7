//! From entries to the files that a verifier fetches.

use audit_core::{
    bundle::Files,
    checkpoint::Checkpoint,
    entry::Entry,
    merkle::tree_root,
    policy::Policy,
    tile::{bundles, checkpoint_path, entries_path, to_bundle},
};

use super::{ORIGIN, Operator};

impl Operator<'_> {
    /// The evidence as it is served now.
    pub fn publish(&self) -> Files {
        let mut files = self.files.clone();
        files.extend(self.chain.publish());
        let entries: Vec<Vec<u8>> = self.entries.iter().map(Entry::to_bytes).collect();
        for (index, width) in bundles(entries.len() as u64) {
            let first = usize::try_from(index * 256).expect("a small log");
            let bundle = to_bundle(entries.iter().skip(first).take(256).map(Vec::as_slice));
            files.insert(format!("log/{}", entries_path(index, width)), bundle);
        }
        for (size, entry) in (1..).zip(&self.entries) {
            if matches!(entry, Entry::EpochOpen(_) | Entry::EpochClose(_)) {
                files.insert(format!("log/{}", checkpoint_path(size)), self.note(size));
            }
        }
        files.insert("log/checkpoint".into(), self.note(entries.len() as u64));
        files.insert("log/policy".into(), self.policy().to_string().into_bytes());
        files
    }

    /// Whom a verifier of this log trusts.
    pub fn policy(&self) -> Policy {
        Policy::of_log(self.key.vkey())
    }

    /// The checkpoint at a size.
    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        let leaves = self.leaves();
        let root = tree_root(&leaves[..usize::try_from(size).expect("a small log")]);
        Checkpoint { origin: ORIGIN.into(), size, root }
    }

    fn note(&self, size: u64) -> Vec<u8> {
        self.checkpoint(size).sign(&self.key)
    }
}
