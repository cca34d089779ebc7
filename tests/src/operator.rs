//! An operator in memory: keeps a whole log by the rules of `docs/LOG.md`, with real proof of work at the easiest levels,
//! and can be told to cheat at one point. Test code: this is what verifiers are tried on.

pub mod cases;
mod chain;
mod debts;
pub mod disputes;
mod life;
pub mod long;
mod mine;
pub mod mutate;
mod publish;
mod rounds;
mod script;
pub mod threats;
pub mod witnessed;

use std::collections::BTreeMap;

use audit_core::{
    allocation::{Allocation, AllocationEntry},
    bundle::Files,
    checkpoint::LogKey,
    entry::{ChainTip, Entry, EpochOpen},
    epoch::{Anchors, EpochMaterial},
    hash::Hash32,
    merkle::{leaf_hash, tree_root},
    seal::SealedEpoch,
};

pub use chain::{Chain, grind};
pub use debts::PayoutPlan;
pub use script::{AnchorOf, Cheats, LifeCheat, Script, Story, WASM, receipt, terms};

/// The log's origin.
pub const ORIGIN: &str = "log.test/provenhash/v1";
/// When the first epoch starts, Unix ms.
pub const START_MS: u64 = 1_700_000_000_000;
/// Length of every epoch.
pub const EPOCH_MS: u64 = 10_000;

/// A log under construction.
pub struct Operator<'a> {
    key: LogKey,
    entries: Vec<Entry>,
    files: Files,
    open: BTreeMap<u64, OpenEpoch>,
    /// What it mines on.
    chain: Chain<'a>,
    /// The anchor hashes of each epoch that was opened.
    anchors: BTreeMap<u64, Anchors>,
}

struct OpenEpoch {
    material: EpochMaterial,
    allocation: Allocation,
}

impl<'a> Operator<'a> {
    /// An empty log.
    pub fn new(seed: [u8; 32]) -> Self {
        Self::on(seed, Chain::new(&|_, time| time))
    }

    /// An empty log on a chain.
    pub(crate) fn on(seed: [u8; 32], chain: Chain<'a>) -> Self {
        Self {
            key: LogKey::new(ORIGIN, &seed),
            entries: Vec::new(),
            files: Files::new(),
            open: BTreeMap::new(),
            chain,
            anchors: BTreeMap::new(),
        }
    }

    /// Appends an entry and gives its leaf index.
    pub fn append(&mut self, entry: Entry) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64 - 1
    }

    /// Opens an epoch with this allocation; `cheat` may change the entry before it is logged.
    pub fn open_epoch(&mut self, epoch: u64, list: Vec<AllocationEntry>, cheat: &dyn Fn(&mut EpochOpen)) {
        let allocation = Allocation::new(list).expect("the script's allocations are lists");
        let start_ms = START_MS + (epoch - 1) * EPOCH_MS;
        let (height, hash) = self.chain.tip();
        let mut open =
            EpochOpen { epoch, start_ms, chain: ChainTip { height, hash }, allocation: allocation.commitment() };
        cheat(&mut open);
        self.files.insert(Allocation::path(&open.allocation.root), allocation.to_bytes());
        let index = self.append(Entry::EpochOpen(open));
        self.anchors.insert(epoch, Anchors::new(epoch, ORIGIN, index + 1, self.root()));
        let material = EpochMaterial {
            epoch,
            start_ms,
            origin: ORIGIN.into(),
            tree_size: index + 1,
            root: self.root(),
            jobs: Vec::new(),
            levels: Vec::new(),
            sessions: Vec::new(),
            shares: Vec::new(),
            rejects: Vec::new(),
        };
        self.open.insert(epoch, OpenEpoch { material, allocation });
    }

    /// Seals an epoch: its blocks and its close are logged, its files published. `cheat` may change the sealed epoch.
    pub fn close_epoch(&mut self, epoch: u64, cheat: &dyn Fn(&mut SealedEpoch)) -> (Allocation, SealedEpoch) {
        let OpenEpoch { material, allocation } = self.open.remove(&epoch).expect("the script opens it before");
        let mut sealed = audit_core::seal::seal(&material).expect("the script mines honest shares");
        cheat(&mut sealed);
        self.files.extend(sealed.files.iter().cloned());
        for block in &sealed.blocks {
            self.append(Entry::BlockFound(*block));
        }
        self.append(Entry::EpochClose(sealed.close.clone()));
        (allocation, sealed)
    }

    fn material(&mut self, epoch: u64) -> &mut EpochMaterial {
        &mut self.open.get_mut(&epoch).expect("the script opens it before").material
    }

    fn root(&self) -> Hash32 {
        tree_root(&self.leaves())
    }

    fn leaves(&self) -> Vec<Hash32> {
        self.entries.iter().map(|entry| leaf_hash(&entry.to_bytes())).collect()
    }
}
