//! What the engine's tests run on: a real log, database, archive and evidence store, with a node and a pool whose chain
//! and shares the test decides.

use std::sync::Arc;
use std::time::Duration;

use audit_core::audit::{AuditRequest, Evidence, FetchError, Inline, Outcome, audit, range_of};
use audit_core::chain::Network;
use audit_core::entry::Terms;
use audit_core::hash::Hash32;
use audit_core::policy::Policy;
use audit_core::work::{Sats, Units};
use bitcoin::secp256k1::Secp256k1;
use miniscript::Descriptor;
use uuid::Uuid;

use super::contract::{Payment, open_paid_contract};
use super::first_entries::{self, Promises};
use crate::accruals::Accruer;
use crate::blocks::Blocks;
use crate::chain::Archive;
use crate::clock::now_ms;
use crate::db::blocks::BlockRow;
use crate::db::contracts::{Contract, Opened, Status};
use crate::db::{accounts, contracts, offers};
use crate::epochs::{EpochLoop, Pace};
use crate::evidence::EvidenceStore;
use crate::liabilities::Liabilities;
use crate::lives::Lives;
use crate::settlement::Settler;
use crate::tlog::check::TestLog;

mod node;
mod pool;

pub(crate) use node::FakeNode;
pub(crate) use pool::FakePool;

const TAG: &[u8] = b"/test/";
/// What blocks pay to: BIP 32's first test vector, for test networks.
pub(crate) const PAYOUT_DESCRIPTOR: &str = "wpkh(tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m/0)";
const FEE_PPM: u32 = 20_000;
/// Epochs of an accrual.
const ACCRUAL_EPOCHS: u64 = 2;
/// 50 bitcoin.
pub(crate) const REWARD_SATS: u64 = 5_000_000_000;
/// Declared capacity in H/s.
pub(crate) const CAPACITY: u128 = 1_000_000;
/// One hash in 16 is a block.
const NBITS: u32 = 0x200f_ffff;

pub(crate) struct Fixture {
    pub(crate) log: TestLog,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) pool: Arc<FakePool>,
    pub(crate) archive: Archive,
}

struct Folder(EvidenceStore);

impl Fixture {
    pub(crate) async fn new() -> Self {
        let node = Arc::new(FakeNode::new());
        Self::on(TestLog::new().await, Arc::clone(&node), Arc::new(FakePool::new(node))).await
    }

    /// A restart: the log, the database and the journals are what is on disk.
    pub(crate) async fn restart(self) -> Self {
        Self::on(self.log.reopen().await, self.node, self.pool).await
    }

    async fn on(log: TestLog, node: Arc<FakeNode>, pool: Arc<FakePool>) -> Self {
        let archive = Archive::new(log.database.clone(), log.store.clone(), node.clone(), Network::Regtest);
        let fixture = Self { log, node, pool, archive };
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
            payout_script: payout_script(),
            coinbase_tag: TAG.into(),
            epoch_ms: 1_000,
            grace_ms: 100,
            accrual_epochs: ACCRUAL_EPOCHS,
            fee_ppm: FEE_PPM,
            verifier_wasm_sha256: Vec::new(),
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
            archive: self.archive.clone(),
            mining: Box::new(pool::Handle(self.pool.clone())),
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

    fn accruer(&self) -> Accruer {
        let log = &self.log;
        let (database, sequencer, store) = (log.database.clone(), log.sequencer.clone(), log.store.clone());
        Accruer { database, sequencer, store, network: Network::Regtest }
    }

    pub(crate) fn lives(&self) -> Lives {
        let log = &self.log;
        let (database, sequencer, store) = (log.database.clone(), log.sequencer.clone(), log.store.clone());
        Lives { database, sequencer, store, network: Network::Regtest }
    }

    pub(crate) fn blocks(&self) -> Blocks {
        let log = &self.log;
        Blocks {
            database: log.database.clone(),
            sequencer: log.sequencer.clone(),
            archive: self.archive.clone(),
            settler: self.settler(),
            accruer: self.accruer(),
            lives: self.lives(),
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

    /// Puts a found block on the chain.
    pub(crate) fn confirm(&self, block: &BlockRow) {
        self.node.put(u32::try_from(block.height).unwrap(), self.pool.block(block.epoch, &block.hash));
    }

    /// Sells and opens a contract.
    pub(crate) async fn sell(&self, units: u128, term_ms: u64) -> Opened {
        self.sell_under(Self::promises("1").terms(), units, term_ms).await
    }

    /// Sells and opens a contract under these terms.
    pub(crate) async fn sell_under(&self, terms: Terms, units: u128, term_ms: u64) -> Opened {
        self.sell_at(terms, units, term_ms, 1).await
    }

    /// Sells and opens a contract under these terms at a price in satoshis.
    pub(crate) async fn sell_at(&self, terms: Terms, units: u128, term_ms: u64, price_sats: u64) -> Opened {
        let units = Units::new(units).unwrap();
        let contract = self.reserve_at(units, term_ms, terms, price_sats, u64::MAX >> 1).await;
        let guard = self.log.sequencer.lock().await;
        let mut tx = self.log.database.begin().await.unwrap();
        let payment = Payment { received: contract.price, note: None };
        let opened = open_paid_contract(&guard, &mut tx, &contract, &payment, now_ms()).await.unwrap();
        tx.commit().await.unwrap();
        guard.integrate().await.unwrap();
        opened
    }

    /// A reserved contract of this price, whose units are kept so long.
    pub(crate) async fn reserve_at(
        &self,
        units: Units,
        term_ms: u64,
        terms: Terms,
        price_sats: u64,
        reserved_until_ms: u64,
    ) -> Contract {
        let database = &self.log.database;
        let (account_id, offer_id, id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let terms_index = first_entries::log_terms(terms, database, &self.log.sequencer).await.unwrap();
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
            pricing: offers::Pricing::Fixed { sats_per_ths_day: 1 },
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
            price: Sats::new(price_sats).unwrap(),
            term_ms,
            terms_index,
            payout_address: "address".into(),
            payout_script: owner_script(&id),
            nonce: Hash32::of(id.as_bytes()),
            payment_reference: id.to_string(),
            created_ms: 0,
            reserved_until_ms,
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

/// The script of [`PAYOUT_DESCRIPTOR`].
pub(crate) fn payout_script() -> Vec<u8> {
    let (descriptor, _) = Descriptor::parse_descriptor(&Secp256k1::new(), PAYOUT_DESCRIPTOR).unwrap();
    descriptor.at_derivation_index(0).unwrap().script_pubkey().to_bytes()
}

/// A P2WPKH script of a contract's own.
fn owner_script(id: &Uuid) -> Vec<u8> {
    [&[0, 20][..], id.as_bytes(), &[0; 4]].concat()
}

impl Evidence for Folder {
    async fn fetch(&self, path: &str, _: u64) -> Result<Vec<u8>, FetchError> {
        self.0.read(path).map_err(|error| FetchError::Unreadable(error.to_string()))?.ok_or(FetchError::NotFound)
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        Ok(range_of(&self.fetch(path, u64::MAX).await?, start, length).into())
    }
}
