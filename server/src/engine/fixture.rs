//! What the engine's tests run on: a real log, database and evidence store, with a node and a pool whose chain and shares
//! the test decides. Shares are real: their hashes meet the easiest level, and every sixteenth one is a block.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use audit_core::audit::{AuditRequest, Evidence, FetchError, Inline, Outcome, audit, range_of};
use audit_core::coinbase::CoinbasePlan;
use audit_core::epoch::{Anchors, EpochMaterial, Session};
use audit_core::hash::{BlockHash, Hash32};
use audit_core::job::Job;
use audit_core::policy::Policy;
use audit_core::share::ShareRecord;
use audit_core::work::{Level, Nbits, Sats, Units};
use pool_core::EpochStart;
use pool_core::node::{BlockTemplate, Node, NodeError, Submitted, Tip};
use uuid::Uuid;

use super::contract::{Payment, open_contract};
use super::first_entries::{self, Promises};
use crate::blocks::Blocks;
use crate::clock::now_ms;
use crate::db::contracts::{Contract, Opened, Status};
use crate::db::{accounts, contracts, offers};
use crate::epochs::{EpochLoop, Mining, Pace};
use crate::evidence::EvidenceStore;
use crate::liabilities::Liabilities;
use crate::settlement::Settler;
use crate::tlog::check::TestLog;

const TAG: &[u8] = b"/test/";
const PAYOUT_SCRIPT: &[u8] = &[0x51];
const FEE_PPM: u32 = 20_000;
/// 50 bitcoin.
pub(crate) const REWARD_SATS: u64 = 5_000_000_000;
/// Declared capacity in H/s.
pub(crate) const CAPACITY: u128 = 1_000_000;
/// Height at which epoch 1 mines; each epoch mines one height.
const BASE_HEIGHT: u32 = 1_000;
/// One hash in 16 is a block.
const NBITS: u32 = 0x200f_ffff;
/// Shares of an epoch, at least.
const SHARES: usize = 20;

pub(crate) struct Fixture {
    pub(crate) log: TestLog,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) pool: Arc<FakePool>,
}

/// A chain that the test writes.
#[derive(Debug)]
pub(crate) struct FakeNode {
    tip_height: Mutex<u32>,
    blocks: Mutex<HashMap<u32, BlockHash>>,
}

/// Journals that survive, as files would: what was opened, by epoch.
#[derive(Default)]
pub(crate) struct FakePool {
    opened: Mutex<BTreeMap<u64, EpochStart>>,
}

struct Handle(Arc<FakePool>);

struct Folder(EvidenceStore);

impl Fixture {
    pub(crate) async fn new() -> Self {
        let fixture = Self { log: TestLog::new().await, node: Arc::new(FakeNode::new()), pool: Arc::default() };
        fixture.promise("1").await;
        fixture
    }

    /// A restart: the log, the database and the journals are what is on disk.
    pub(crate) async fn restart(self) -> Self {
        let fixture = Self { log: self.log.reopen().await, node: self.node, pool: self.pool };
        fixture.promise("1").await;
        fixture
    }

    /// Logs manifest and terms as a program of this version does.
    pub(crate) async fn promise(&self, version: &str) {
        first_entries::ensure(&Self::promises(version), &self.log.database, &self.log.sequencer).await.unwrap();
    }

    pub(crate) fn promises(version: &str) -> Promises {
        Promises {
            network: "regtest".into(),
            payout_script: PAYOUT_SCRIPT.into(),
            coinbase_tag: TAG.into(),
            epoch_ms: 1_000,
            grace_ms: 100,
            fee_ppm: FEE_PPM,
            verifier_wasm_sha256: None,
            software_version: version.into(),
        }
    }

    /// A loop that never waits.
    pub(crate) fn epoch_loop(&self) -> EpochLoop {
        EpochLoop {
            database: self.log.database.clone(),
            sequencer: self.log.sequencer.clone(),
            store: self.log.store.clone(),
            node: self.node.clone(),
            mining: Box::new(Handle(self.pool.clone())),
            capacity: Units::new(CAPACITY).unwrap(),
            pace: Pace { epoch: Duration::ZERO, grace: Duration::ZERO },
            chain: "regtest",
            mined: None,
        }
    }

    pub(crate) fn settler(&self) -> Settler {
        let log = &self.log;
        Settler { database: log.database.clone(), sequencer: log.sequencer.clone(), store: log.store.clone() }
    }

    pub(crate) fn blocks(&self) -> Blocks {
        let log = &self.log;
        Blocks {
            database: log.database.clone(),
            sequencer: log.sequencer.clone(),
            node: self.node.clone(),
            settler: self.settler(),
        }
    }

    pub(crate) fn liabilities(&self, every: Duration) -> Liabilities {
        let log = &self.log;
        Liabilities {
            database: log.database.clone(),
            sequencer: log.sequencer.clone(),
            store: log.store.clone(),
            every,
        }
    }

    /// Sells and opens a contract.
    pub(crate) async fn sell(&self, units: u128, term_ms: u64) -> Opened {
        let contract = self.reserve(Units::new(units).unwrap(), term_ms).await;
        let guard = self.log.sequencer.lock().await;
        let mut tx = self.log.database.begin().await.unwrap();
        let payment = Payment { received: contract.price, note: None };
        let opened = open_contract(&guard, &mut tx, &contract, &payment, now_ms()).await.unwrap();
        tx.commit().await.unwrap();
        guard.integrate().await.unwrap();
        opened
    }

    async fn reserve(&self, units: Units, term_ms: u64) -> Contract {
        let database = &self.log.database;
        let (account_id, offer_id, id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let terms_index = first_entries::terms_index(database).await.unwrap();
        let account = accounts::Account {
            id: account_id,
            email: format!("{account_id}@example.com"),
            password_hash: "none".into(),
            created_ms: 0,
        };
        assert!(accounts::create(database.pool(), &account).await.unwrap());
        let offer = offers::Offer {
            id: offer_id,
            name: offer_id.to_string(),
            price_sats_per_ths_day: 1,
            min_units: units,
            max_units: units,
            step_units: units,
            term_ms,
            capacity: units,
            terms_index,
            created_ms: 0,
        };
        let contract = Contract {
            id,
            account_id,
            offer_id,
            status: Status::Reserved,
            units,
            price: Sats::new(1).unwrap(),
            term_ms,
            terms_index,
            payout_address: "address".into(),
            payout_script: vec![0x52],
            nonce: Hash32::of(id.as_bytes()),
            payment_reference: id.to_string(),
            created_ms: 0,
            reserved_until_ms: u64::MAX >> 1,
            opened: None,
        };
        let mut tx = database.begin().await.unwrap();
        assert!(offers::create(&mut tx, &offer).await.unwrap());
        contracts::reserve(&mut tx, &contract).await.unwrap();
        tx.commit().await.unwrap();
        contract
    }

    /// The verifier's own verdict over everything that is published.
    pub(crate) async fn check(&self) {
        self.log.check();
        let request = AuditRequest::new(Policy::of_log(self.log.sequencer.vkey()));
        let evidence = Folder(self.log.store.clone());
        let report = audit(&evidence, &Inline(&evidence), &request, &mut |_| {}).await;
        let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
        let failed: Vec<String> = failed.map(|check| format!("{:?} {:?}", check.id, check.failures)).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}

impl FakeNode {
    fn new() -> Self {
        Self { tip_height: Mutex::new(BASE_HEIGHT), blocks: Mutex::default() }
    }

    /// Puts a block on the chain.
    pub(crate) fn has(&self, height: u64, hash: BlockHash) {
        self.blocks.lock().unwrap().insert(u32::try_from(height).unwrap(), hash);
    }

    /// Moves the tip.
    pub(crate) fn grow_to(&self, height: u64) {
        *self.tip_height.lock().unwrap() = u32::try_from(height).unwrap();
    }
}

#[async_trait]
impl Node for FakeNode {
    async fn chain(&self) -> Result<String, NodeError> {
        Ok("regtest".into())
    }

    async fn template(&self, _: Option<&str>) -> Result<BlockTemplate, NodeError> {
        Err(NodeError::Unsupported("template"))
    }

    async fn submit_block(&self, _: &[u8]) -> Result<Submitted, NodeError> {
        Err(NodeError::Unsupported("submit_block"))
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        let height = *self.tip_height.lock().unwrap();
        Ok(Tip { height, hash: BlockHash::of(&height.to_be_bytes()), time: 0 })
    }

    /// Heights that the test did not write hold some other pool's block.
    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        let other = BlockHash::of(&height.to_be_bytes());
        let hash = self.blocks.lock().unwrap().get(&height).copied().unwrap_or(other);
        Ok((height <= *self.tip_height.lock().unwrap()).then_some(hash))
    }

    async fn broadcast(&self, _: &[u8]) -> Result<BlockHash, NodeError> {
        Err(NodeError::Unsupported("broadcast"))
    }

    async fn fee_estimate(&self, _: u16) -> Result<Option<Sats>, NodeError> {
        Ok(None)
    }
}

impl FakePool {
    /// The epochs that were given to the pool, in order.
    pub(crate) fn opened(&self) -> Vec<u64> {
        self.opened.lock().unwrap().keys().copied().collect()
    }
}

#[async_trait]
impl Mining for Handle {
    async fn open_epoch(&self, start: EpochStart) -> Result<()> {
        let mut opened = self.0.opened.lock().unwrap();
        let known = opened.entry(start.epoch).or_insert_with(|| start.clone());
        assert_eq!(*known, start, "an epoch never starts in two ways");
        Ok(())
    }

    async fn close_epoch(&self, start: &EpochStart) -> Result<EpochMaterial> {
        let opened = self.0.opened.lock().unwrap().get(&start.epoch).cloned();
        Ok(material(&opened.with_context(|| format!("no journal of epoch {}", start.epoch))?))
    }

    async fn join(self: Box<Self>) {}
}

impl Evidence for Folder {
    async fn fetch(&self, path: &str, _: u64) -> Result<Vec<u8>, FetchError> {
        self.0.read(path).map_err(|error| FetchError::Unreadable(error.to_string()))?.ok_or(FetchError::NotFound)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        Ok(range_of(&self.fetch(path, u64::MAX).await?, start, length).into())
    }
}

/// The same start gives the same shares; at least one of them is a block.
pub(crate) fn material(start: &EpochStart) -> EpochMaterial {
    let session = Session { extranonce1: [1, 2, 3, 4], worker: "0123456789abcdef".into(), lot: String::new() };
    let job = job(start);
    let mut anchors = Anchors::new(start.epoch, &start.origin, start.tree_size, start.root);
    let anchor = anchors.hash(Level::MIN);
    let network_target = job.nbits.target().unwrap();
    let (mut shares, mut blocks) = (Vec::new(), 0);
    for nonce in 0.. {
        let record = ShareRecord {
            job: 0,
            level: Level::MIN,
            session: 0,
            extranonce2: [0; 8],
            ntime_offset: 0,
            version_bits: 0,
            nonce,
            seconds: 0,
        };
        let hash = job.header(&anchor, session.extranonce1, &record).hash();
        if Level::MIN.target().is_met_by(&hash) {
            shares.push(record);
            blocks += usize::from(network_target.is_met_by(&hash));
        }
        if shares.len() >= SHARES && blocks >= 1 {
            break;
        }
    }
    EpochMaterial {
        epoch: start.epoch,
        start_ms: start.start_ms,
        origin: start.origin.clone(),
        tree_size: start.tree_size,
        root: start.root,
        jobs: vec![job],
        levels: vec![Level::MIN],
        sessions: vec![session],
        shares,
        rejects: Vec::new(),
    }
}

fn job(start: &EpochStart) -> Job {
    let height = BASE_HEIGHT + u32::try_from(start.epoch).unwrap();
    let outputs = [(Sats::new(REWARD_SATS).unwrap(), PAYOUT_SCRIPT.to_vec())];
    let plan = CoinbasePlan { height, tag: TAG, job: 0, outputs: &outputs, witness_commitment: None };
    Job {
        job: 0,
        prevhash: BlockHash::of(&start.epoch.to_be_bytes()),
        version: 0x2000_0000,
        nbits: Nbits::new(NBITS),
        ntime: u32::try_from(start.start_ms / 1_000).unwrap(),
        height,
        coinbase: plan.parts().unwrap(),
        branch: Vec::new(),
    }
}
